//! Checksums, dates and beginnings: what a number must have to be one of its kind. Looks at digits only.

/// Two digits as a number.
pub(super) fn two(digits: &[u8]) -> u32 {
    u32::from(digits[0]) * 10 + u32::from(digits[1])
}

/// A province, or one of the places outside.
pub(super) fn is_place(digits: &[u8]) -> bool {
    matches!(two(digits), 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83 | 91)
}

/// Month and day at the start of these digits.
pub(super) fn is_date(year: u32, digits: &[u8]) -> bool {
    let (month, day) = (two(digits), two(&digits[2..]));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// A mainland card of identity (GB 11643): place, date of birth, number, and a check digit modulo 11.
pub(super) fn is_identity(digits: &[u8], check: u8) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let year = two(&digits[6..]) * 100 + two(&digits[8..]);
    let sum: u32 = digits
        .iter()
        .zip(WEIGHTS)
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum();
    (1900..2100).contains(&year)
        && is_place(digits)
        && is_date(year, &digits[10..])
        && (12 - sum % 11) % 11 == u32::from(check)
}

/// An area that social security gives out.
pub(super) fn is_area(digits: &[u8]) -> bool {
    let area = u32::from(digits[0]) * 100 + two(&digits[1..]);
    area != 0
        && area != 666
        && area < 900
        && two(&digits[3..]) != 0
        && digits[5..].iter().any(|d| *d != 0)
}

/// Luhn's sum (ISO/IEC 7812).
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(n, digit)| {
            let value = u32::from(*digit) * (1 + n as u32 % 2);
            value / 10 + value % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Lengths and beginnings that only the cards of one brand have.
pub(super) fn is_of_one_brand(digits: &[u8]) -> bool {
    let beginning = two(digits) * 100 + two(&digits[2..]);
    match digits.len() {
        13 => digits[0] == 4,
        14 => matches!(beginning, 3000..=3059 | 3600..=3699 | 3800..=3999),
        15 => matches!(beginning, 3400..=3499 | 3700..=3799 | 2131 | 1800),
        16..=19 => {
            let sixteen = digits.len() == 16;
            match beginning {
                4000..=4999 => sixteen || digits.len() == 19,
                5100..=5599 | 2221..=2720 => sixteen,
                3500..=3599 | 2200..=2204 | 5018..=5020 | 5038 => sixteen,
                5893
                | 6304
                | 6759
                | 6761..=6763
                | 6011
                | 6440..=6599
                | 6200..=6299
                | 8100..=8171 => true,
                // Cards of Chinese banks from before UnionPay's numbers.
                6000..=6099 | 9558 | 9559 | 9400..=9499 => digits.len() >= 18 || sixteen,
                _ => false,
            }
        }
        _ => false,
    }
}

/// 20260101
pub(super) fn is_day(token: &str) -> bool {
    let digits: Vec<u8> = token.bytes().map(|b| b - b'0').collect();
    let year = two(&digits) * 100 + two(&digits[2..]);
    (1900..2100).contains(&year) && is_date(year, &digits[4..])
}
