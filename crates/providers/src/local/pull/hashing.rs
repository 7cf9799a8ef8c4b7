//! Files that are hashed while they are written or read, off the runtime's threads.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tracing::warn;

use crate::local::catalogue::Sha256Hex;

/// A file that is hashed while it is written.
pub(super) struct HashingFile {
    file: File,
    hasher: Sha256,
}

impl HashingFile {
    /// Keeps the first `length` bytes, which are read once for the hash.
    pub(super) fn resume(path: &Path, length: u64) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        file.set_len(length)?;
        let mut hasher = Sha256::new();
        let read = read_into(&mut file, &mut hasher)?;
        if read != length {
            return Err(io::Error::other("the file changed under our hands"));
        }
        Ok(Self { file, hasher })
    }

    /// Everything is on disk when this returns.
    pub(super) fn finish(self) -> io::Result<Sha256Hex> {
        self.file.sync_all()?;
        Ok(Sha256Hex::of(self.hasher.finalize()))
    }
}

impl Write for HashingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

pub(super) async fn hash_file(path: PathBuf) -> io::Result<(Sha256Hex, u64)> {
    blocking(move || {
        let mut hasher = Sha256::new();
        let bytes = read_into(&mut File::open(path)?, &mut hasher)?;
        Ok((Sha256Hex::of(hasher.finalize()), bytes))
    })
    .await
}

fn read_into(file: &mut File, hasher: &mut Sha256) -> io::Result<u64> {
    let mut buffer = vec![0u8; 1 << 20];
    let mut total = 0;
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok(total);
        }
        hasher.update(&buffer[..n]);
        total += n as u64;
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

/// Removes what may be there; that it was not there is fine, that it stays is worth a line.
pub(super) fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            warn!(
                "cannot delete {}: {error}; delete it by hand",
                path.display()
            );
        }
        Ok(()) | Err(_) => {}
    }
}
