//! The files that pages need, out of the program itself: nothing is asked of anybody else. A file's name carries its
//! hash, so that browsers keep it for ever.

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// One file.
#[derive(Clone, Copy)]
pub(super) struct Asset {
    pub(super) path: &'static str,
    kind: &'static str,
    hash: &'static str,
    bytes: &'static [u8],
    /// The same as gzip.
    packed: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The paths, for templates.
#[derive(Clone, Copy, Debug)]
pub struct Assets {
    /// The style of every page.
    pub css: &'static str,
    /// The brand mark.
    pub mark: &'static str,
    /// The script of enter and join.
    pub door: &'static str,
    /// The script of the room.
    pub parlour: &'static str,
    /// htmx, for the owner's panel.
    pub htmx: &'static str,
}

/// The paths.
pub const ASSETS: Assets = Assets {
    css: STYLE.path,
    mark: MARK.path,
    door: DOOR.path,
    parlour: PARLOUR.path,
    htmx: HTMX.path,
};

/// The routes of the files.
pub fn routes() -> Router {
    [STYLE, MARK, DOOR, PARLOUR, HTMX]
        .into_iter()
        .fold(Router::new(), |routes, asset| {
            let answer = move |headers: HeaderMap| async move { give(&asset, &headers) };
            routes.route(asset.path, get(answer))
        })
}

/// A file as its browser can read it, or the word that it has it already. Packed and plain are told apart by their tag.
fn give(asset: &Asset, asked: &HeaderMap) -> Response {
    let packed = unpacks(asked);
    let tag = match packed {
        true => format!("\"{}-gzip\"", asset.hash),
        false => format!("\"{}\"", asset.hash),
    };
    let has_it = asked
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|tags| tags.to_str().ok())
        .flat_map(|tags| tags.split(','))
        .any(|known| known.trim().trim_start_matches("W/") == tag);
    let headers = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::VARY, "Accept-Encoding"),
        (header::ETAG, &tag),
    ];
    match (has_it, packed) {
        (true, _) => (StatusCode::NOT_MODIFIED, headers).into_response(),
        (false, true) => {
            let gzip = [(header::CONTENT_ENCODING, "gzip")];
            (headers, gzip, asset.packed).into_response()
        }
        (false, false) => (headers, asset.bytes).into_response(),
    }
}

/// Whether a browser takes gzip: it names it, and not with a weight of nothing (RFC 9110, 12.5.3).
fn unpacks(asked: &HeaderMap) -> bool {
    let names = asked.get_all(header::ACCEPT_ENCODING).iter();
    names
        .filter_map(|names| names.to_str().ok())
        .flat_map(|names| names.split(','))
        .any(|name| {
            let (name, weight) = name.split_once(';').unwrap_or((name, ""));
            let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
            name.trim().eq_ignore_ascii_case("gzip")
                && weight.trim().parse().is_ok_and(|weight: f32| weight > 0.0)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(asset: &Asset) -> &'static str {
        std::str::from_utf8(asset.bytes).unwrap()
    }

    #[test]
    fn our_own_script_weighs_no_more_than_fifteen_kilobytes() {
        let bytes = PARLOUR.bytes.len() + DOOR.bytes.len();
        assert!(bytes <= 15 * 1024, "{bytes} bytes");
    }

    #[test]
    fn a_first_visit_is_light() {
        let all = STYLE.bytes.len() + PARLOUR.bytes.len() + HTMX.bytes.len() + MARK.bytes.len();
        assert!(all <= 90 * 1024, "{all} bytes, uncompressed");
        let packed = STYLE.packed.len() + PARLOUR.packed.len() + HTMX.packed.len();
        assert!(packed <= 35 * 1024, "{packed} bytes");
    }

    #[test]
    fn who_can_unpack_gets_it_packed_and_who_has_it_gets_nothing() {
        use std::io::Read;
        for asset in [STYLE, MARK, DOOR, PARLOUR, HTMX] {
            let mut whole = Vec::new();
            flate2::read::GzDecoder::new(asset.packed)
                .read_to_end(&mut whole)
                .unwrap();
            assert_eq!(whole, asset.bytes, "{}", asset.path);
        }
        let answer = |accepts: &'static str, has: String| {
            let mut asked = HeaderMap::new();
            asked.insert(header::ACCEPT_ENCODING, accepts.parse().unwrap());
            asked.insert(header::IF_NONE_MATCH, has.parse().unwrap());
            let answer = give(&PARLOUR, &asked);
            assert_eq!(answer.headers()[header::VARY], "Accept-Encoding");
            let packed = answer.headers().contains_key(header::CONTENT_ENCODING);
            (answer.status().as_u16(), packed)
        };
        let (plain, packed) = (PARLOUR.hash, format!("{}-gzip", PARLOUR.hash));
        for (accepts, has, expected) in [
            ("gzip, deflate, br", String::new(), (200, true)),
            ("br, GZIP;q=0.5", String::new(), (200, true)),
            ("gzip;q=0", String::new(), (200, false)),
            ("gzip; q=0.000, br", String::new(), (200, false)),
            ("identity", String::new(), (200, false)),
            ("gzip", format!("\"{packed}\""), (304, false)),
            ("gzip", format!("W/\"{packed}\", \"x\""), (304, false)),
            ("gzip", format!("\"{plain}\""), (200, true)),
            ("identity", format!("\"{packed}\""), (200, false)),
            ("identity", format!("\"{plain}\""), (304, false)),
        ] {
            assert_eq!(answer(accepts, has.clone()), expected, "{accepts} {has}");
        }
    }

    #[test]
    fn no_file_of_ours_names_another_host_or_sets_markup() {
        for asset in [PARLOUR, DOOR, STYLE] {
            let text = text(&asset).replace("(https?:", "");
            for banned in [
                "http://",
                "https://",
                "//cdn",
                "@import",
                "url(",
                "innerHTML",
                "outerHTML",
                "insertAdjacent",
                "document.write",
                "eval(",
                "Function(",
                "document.cookie",
            ] {
                assert!(!text.contains(banned), "{}: {banned}", asset.path);
            }
        }
    }

    /// The blocks of the style that set tokens: light, dark by system, dark by the room's clock.
    fn tokens() -> Vec<Vec<(String, u32)>> {
        let mut blocks: Vec<Vec<(String, u32)>> = Vec::new();
        for block in text(&STYLE).split('{') {
            let found: Vec<_> = block
                .split(';')
                .filter_map(|declaration| {
                    let (name, value) = declaration.trim().strip_prefix("--")?.split_once(": #")?;
                    Some((
                        name.to_owned(),
                        u32::from_str_radix(value.get(..6)?, 16).ok()?,
                    ))
                })
                .collect();
            if found.len() > 10 {
                blocks.push(found);
            }
        }
        blocks
    }

    fn contrast(a: u32, b: u32) -> f64 {
        let light = |colour: u32| {
            let channel = |shift: u32| {
                let c = f64::from((colour >> shift) & 0xff) / 255.0;
                if c <= 0.04045 {
                    c / 12.92
                } else {
                    ((c + 0.055) / 1.055).powf(2.4)
                }
            };
            0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
        };
        let (a, b) = (light(a), light(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn check(tokens: &[(String, u32)], text: &str, ground: &str, promised: f64) {
        let of = |name: &str| {
            let found = tokens.iter().find(|(token, _)| token == name);
            found.unwrap_or_else(|| panic!("no token {name}")).1
        };
        let figure = contrast(of(text), of(ground));
        assert!(
            (figure - promised).abs() < 0.011,
            "{text} on {ground}: {figure:.2}, not {promised}"
        );
    }

    #[test]
    fn the_colours_have_the_contrast_that_the_design_promises() {
        let blocks = tokens();
        let [light, dark, night] = &blocks[..] else {
            panic!("{} blocks of tokens", blocks.len());
        };
        assert_eq!(dark, night, "dark by system and dark by clock are the same");
        // text; on paper, on card: light; on paper, on card: dark.
        for (name, a, b, c, d) in [
            ("line-strong", 3.80, 4.09, 4.91, 4.45),
            ("ink", 14.17, 15.26, 14.94, 13.53),
            ("ink-2", 7.02, 7.56, 8.86, 8.02),
            ("tea", 5.84, 6.29, 8.85, 8.02),
            ("clay", 5.13, 5.53, 7.82, 7.09),
            ("amber", 5.50, 5.93, 9.38, 8.49),
            ("red", 6.83, 7.36, 7.34, 6.65),
            ("blue", 6.51, 7.01, 8.90, 8.06),
            ("focus", 5.98, 6.44, 9.56, 8.66),
        ] {
            check(light, name, "paper", a);
            check(light, name, "card", b);
            check(dark, name, "paper", c);
            check(dark, name, "card", d);
        }
        for (name, on_light, on_dark) in [
            ("tea", 5.32, 6.27),
            ("amber", 5.19, 7.00),
            ("red", 6.14, 5.87),
            ("blue", 5.96, 6.84),
        ] {
            check(light, name, &format!("tint-{name}"), on_light);
            check(dark, name, &format!("tint-{name}"), on_dark);
        }
        for (name, on_light, on_dark) in [
            ("tea", 6.29, 9.27),
            ("clay", 5.53, 8.19),
            ("red", 7.36, 7.68),
        ] {
            check(light, "on", name, on_light);
            check(dark, "on", name, on_dark);
        }
    }

    /// What the page puts on other grounds than the design's table names, and must still be read.
    #[test]
    fn text_is_readable_on_every_ground_that_the_page_uses() {
        for tokens in tokens() {
            let of = |name: &str| tokens.iter().find(|(token, _)| token == name).unwrap().1;
            for (text, ground) in [
                ("ink", "sunk"),
                ("ink-2", "sunk"),
                ("ink", "tint-tea"),
                ("ink-2", "tint-tea"),
                ("ink-2", "paper"),
            ] {
                let figure = contrast(of(text), of(ground));
                assert!(figure >= 4.5, "{text} on {ground}: {figure:.2}");
            }
        }
    }
}
