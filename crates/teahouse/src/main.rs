//! The program `teahouse`: arguments in, an exit code out.

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The allocator asks for huge pages: an idle house would hold some ten megabytes that it never touches. A kernel
    // without them refuses, which is as well.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    teahouse::cli::run(teahouse::cli::Arguments::parse())
}
