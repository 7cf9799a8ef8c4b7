//! Named places where a test may kill the process, to show that nothing is lost there. Release builds have none.
//! `TEAHOUSE_FAULT=after-accept:3` kills at the third passing of that place.

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static FAULT: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    pub fn point(name: &str) {
        let fault = FAULT.get_or_init(|| {
            let text = std::env::var("TEAHOUSE_FAULT").ok()?;
            let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
            Some((name.to_owned(), count.parse().ok()?))
        });
        let Some((armed, count)) = fault else { return };
        if armed == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *count {
            eprintln!("killed at {name}");
            // The real thing: no destructor runs, no buffer is flushed.
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
        }
    }
}

/// A place with a name.
#[inline]
pub fn point(name: &str) {
    #[cfg(debug_assertions)]
    armed::point(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}
