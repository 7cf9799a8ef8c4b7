//! A disk that fails on command: a small library between the house and its system calls. The house is the real
//! program on real files; only what the disk says to its writes and flushes is ours.

use std::path::PathBuf;
use std::process::Command;

use crate::process::Ground;

const SOURCE: &str = include_str!("disk.c");

/// What the system says of a failed call.
#[derive(Clone, Copy, Debug)]
pub enum Error {
    /// No space left.
    Full,
    /// Input or output error.
    Broken,
    /// Mounted read-only.
    ReadOnly,
    /// Permission denied.
    Denied,
}

impl Error {
    fn number(self) -> i32 {
        match self {
            Error::Full => 28,
            Error::Broken => 5,
            Error::ReadOnly => 30,
            Error::Denied => 13,
        }
    }
}

/// The disk under one house.
pub struct Disk {
    orders: PathBuf,
}

impl Disk {
    /// Puts one under every house that is started on the ground from now on; it is well.
    pub fn under(ground: &mut Ground) -> Self {
        let (source, library) = (ground.file("disk.c"), ground.file("disk.so"));
        std::fs::write(&source, SOURCE).expect("write the library's source");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .output()
            .expect("a C compiler, as for the program itself");
        assert!(built.status.success(), "{built:?}");
        let orders = ground.file("disk.orders");
        for (name, value) in [("LD_PRELOAD", &library), ("TEAHOUSE_DISK", &orders)] {
            let value = value.to_str().expect("a path in UTF-8").to_owned();
            ground.environment.insert(name.into(), value);
        }
        let disk = Disk { orders };
        disk.is_well();
        disk
    }

    /// Everything goes well from now on.
    pub fn is_well(&self) {
        self.order("");
    }

    /// Writes to the file of this name fail until told otherwise.
    pub fn fails_to_write(&self, file: &str, error: Error) {
        self.order(&format!("write {} 0 /{file}", error.number()));
    }

    /// The next flush of the file of this name fails; later ones go well.
    pub fn fails_one_flush(&self, file: &str, error: Error) {
        self.order(&format!("flush {} 1 /{file}", error.number()));
    }

    /// In one step: a half-written order is none.
    fn order(&self, order: &str) {
        let new = self.orders.with_extension("new");
        std::fs::write(&new, order).expect("write an order");
        std::fs::rename(&new, &self.orders).expect("give an order");
    }
}
