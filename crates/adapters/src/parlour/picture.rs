//! Pictures by their first bytes: type, width and height are read from the header, nothing is ever unpacked. What is
//! no plain picture of a sane size is refused; the rest lies in a folder by its hash, for its owner alone.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::seat::hex;

/// The longest picture, in bytes.
pub const LONGEST_PICTURE: usize = 5 * 1024 * 1024;
/// The longest side, in pixels.
const LONGEST_SIDE: u32 = 8_000;
/// The largest area, in pixels.
const LARGEST: u64 = 25_000_000;

/// What a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
}

impl PictureKind {
    /// Its media type.
    pub fn mime(self) -> &'static str {
        match self {
            PictureKind::Png => "image/png",
            PictureKind::Jpeg => "image/jpeg",
            PictureKind::Gif => "image/gif",
            PictureKind::Webp => "image/webp",
        }
    }
}

/// Why it is no picture for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPicture {
    Unknown,
    Broken,
    TooLarge,
}

impl NoPicture {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            NoPicture::Unknown => "Pictures are PNG, JPEG, GIF or WebP.",
            NoPicture::Broken => "This picture is damaged.",
            NoPicture::TooLarge => {
                "A picture has 8,000 pixels a side and 25 million in all at most."
            }
        }
    }
}

/// What the bytes are, if they may be shown.
pub(super) fn look(bytes: &[u8]) -> Result<PictureKind, NoPicture> {
    let (kind, size) = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        (PictureKind::Png, png(bytes))
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        (PictureKind::Jpeg, jpeg(bytes))
    } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        (PictureKind::Gif, gif(bytes))
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        (PictureKind::Webp, webp(bytes))
    } else {
        return Err(NoPicture::Unknown);
    };
    let (width, height) = size.ok_or(NoPicture::Broken)?;
    if width == 0 || height == 0 {
        return Err(NoPicture::Broken);
    }
    let area = u64::from(width) * u64::from(height);
    if width > LONGEST_SIDE || height > LONGEST_SIDE || area > LARGEST {
        return Err(NoPicture::TooLarge);
    }
    Ok(kind)
}

pub(super) fn be(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let field = bytes.get(at..at + length)?;
    Some(
        field
            .iter()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
    )
}

pub(super) fn le(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let field = bytes.get(at..at + length)?;
    let field = field.iter().rev();
    Some(field.fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}

fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    // The first chunk is IHDR (PNG, 11.2.2).
    let first = bytes.get(12..16)? == b"IHDR";
    first.then_some((be(bytes, 16, 4)?, be(bytes, 20, 4)?))
}

fn gif(bytes: &[u8]) -> Option<(u32, u32)> {
    Some((le(bytes, 6, 2)?, le(bytes, 8, 2)?))
}

fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        while bytes.get(at)? == &0xff && bytes.get(at + 1)? == &0xff {
            at += 1;
        }
        if bytes.get(at)? != &0xff {
            return None;
        }
        match bytes.get(at + 1)? {
            // A frame header (T.81, B.2.2); C4, C8 and CC are tables.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((be(bytes, at + 7, 2)?, be(bytes, at + 5, 2)?));
            }
            // The picture's data begins, or ends, without a header before it.
            0xd9 | 0xda => return None,
            // Marks that stand alone.
            0x01 | 0xd0..=0xd8 => at += 2,
            _ => {
                let length = be(bytes, at + 2, 2)? as usize;
                if length < 2 {
                    return None;
                }
                at += 2 + length;
            }
        }
    }
}

fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8 " => {
            let key = bytes.get(23..26)? == b"\x9d\x01\x2a";
            key.then_some((le(bytes, 26, 2)? & 0x3fff, le(bytes, 28, 2)? & 0x3fff))
        }
        b"VP8L" => {
            let packed = le(bytes, 21, 4)?;
            let signed = bytes.get(20)? == &0x2f;
            signed.then_some(((packed & 0x3fff) + 1, (packed >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => Some((le(bytes, 24, 3)? + 1, le(bytes, 27, 3)? + 1)),
        _ => None,
    }
}

/// What the pictures of a folder take, in bytes.
pub(super) fn kept(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = files.filter_map(|file| file.metadata().ok());
    sizes.map(|file| file.len()).sum()
}

/// Keeps a picture by its hash, which comes back with the bytes that were written. What is there already stays.
pub(super) async fn keep(folder: &Path, bytes: &[u8]) -> std::io::Result<(String, u64)> {
    let hash = hex(&Sha256::digest(bytes));
    let file = folder.join(&hash);
    tokio::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .await?;
    if tokio::fs::try_exists(&file).await? {
        return Ok((hash, 0));
    }
    let part = folder.join(format!("{hash}.part"));
    let mut new = tokio::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)
        .await?;
    new.write_all(bytes).await?;
    new.sync_all().await?;
    tokio::fs::rename(&part, &file).await?;
    Ok((hash, bytes.len() as u64))
}

/// The bytes of a hash.
pub(super) async fn fetch(folder: &Path, hash: &str) -> Option<Vec<u8>> {
    tokio::fs::read(path(folder, hash)?).await.ok()
}

/// Nobody shows it any more; the bytes that are free now come back.
pub(super) async fn forget(folder: &Path, hash: &str) -> u64 {
    let Some(path) = path(folder, hash) else {
        return 0;
    };
    let size = tokio::fs::metadata(&path)
        .await
        .map_or(0, |file| file.len());
    match tokio::fs::remove_file(&path).await {
        Ok(()) => size,
        Err(error) => {
            tracing::warn!(%error, "a picture could not be removed");
            0
        }
    }
}

/// A hash is a name; nothing else is.
fn path(folder: &Path, hash: &str) -> Option<PathBuf> {
    let plain = hash.len() == 64
        && hash
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    plain.then(|| folder.join(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    fn jpeg_of(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0".to_vec();
        bytes.extend(b"\xff\xff\xc2\x00\x0b\x08");
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes
    }

    fn webp_of(kind: &[u8; 4], rest: &[u8]) -> Vec<u8> {
        [b"RIFF\0\0\0\0WEBP".as_slice(), kind, b"\0\0\0\0", rest].concat()
    }

    #[test]
    fn bad_106_a_picture_is_known_by_its_bytes_and_measured_by_its_header() {
        let gif =
            |w: u16, h: u16| [b"GIF89a".as_slice(), &w.to_le_bytes(), &h.to_le_bytes()].concat();
        for (bytes, found) in [
            (png_of(640, 480), Ok(PictureKind::Png)),
            (jpeg_of(640, 480), Ok(PictureKind::Jpeg)),
            (gif(8, 9), Ok(PictureKind::Gif)),
            (
                webp_of(b"VP8X", &[0, 0, 0, 0, 63, 0, 0, 63, 0, 0]),
                Ok(PictureKind::Webp),
            ),
            (
                webp_of(b"VP8L", &[0x2f, 0x3f, 0xc0, 0x0f, 0]),
                Ok(PictureKind::Webp),
            ),
            (
                webp_of(b"VP8 ", &[0, 0, 0, 0x9d, 1, 0x2a, 64, 0, 64, 0]),
                Ok(PictureKind::Webp),
            ),
            // A small file that wants a mountain of memory.
            (png_of(60_000, 60_000), Err(NoPicture::TooLarge)),
            (png_of(8_001, 1), Err(NoPicture::TooLarge)),
            (png_of(7_000, 7_000), Err(NoPicture::TooLarge)),
            (jpeg_of(60_000, 60_000), Err(NoPicture::TooLarge)),
            (gif(0xffff, 0xffff), Err(NoPicture::TooLarge)),
            (
                webp_of(b"VP8X", &[0, 0, 0, 0, 255, 255, 255, 255, 255, 255]),
                Err(NoPicture::TooLarge),
            ),
            (png_of(0, 5), Err(NoPicture::Broken)),
            (b"\x89PNG\r\n\x1a\n".to_vec(), Err(NoPicture::Broken)),
            (b"\xff\xd8\xff\xda\0\0".to_vec(), Err(NoPicture::Broken)),
            (b"\xff\xd8\xff\xe0\0\0".to_vec(), Err(NoPicture::Broken)),
            (b"\xff\xd8\xff".to_vec(), Err(NoPicture::Broken)),
            (b"<svg onload='x'>".to_vec(), Err(NoPicture::Unknown)),
            (b"<html>GIF89a".to_vec(), Err(NoPicture::Unknown)),
            (b"BM".to_vec(), Err(NoPicture::Unknown)),
            (vec![], Err(NoPicture::Unknown)),
        ] {
            assert_eq!(look(&bytes), found, "{:?}", String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn a_header_cut_anywhere_is_no_picture_and_no_panic() {
        for whole in [
            png_of(9, 9),
            jpeg_of(9, 9),
            webp_of(b"VP8X", &[0; 10]),
            webp_of(b"VP8L", &[0x2f, 0, 0, 0, 0]),
            webp_of(b"VP8 ", &[0, 0, 0, 0x9d, 1, 0x2a, 1, 0, 1, 0]),
        ] {
            assert!(look(&whole).is_ok());
            for cut in 0..whole.len() {
                assert!(look(&whole[..cut]).is_err(), "{cut} of {whole:?}");
            }
        }
    }

    #[test]
    fn a_name_that_is_no_hash_leads_nowhere() {
        for name in [
            "",
            "../../onebot.token",
            "a",
            &"A".repeat(64),
            &"/".repeat(64),
        ] {
            assert_eq!(path(Path::new("media"), name), None);
        }
    }
}
