//! The program `teahouse`: arguments in, an exit code out.

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    teahouse::cli::run(teahouse::cli::Arguments::parse())
}
