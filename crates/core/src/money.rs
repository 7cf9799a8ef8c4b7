//! Money in whole nano-units of a currency: a token may cost a hundred-millionth of a dollar.
//! Nothing here is a float, nothing wraps, and a price that is not known is never zero.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Billionths of one unit of some currency.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Nano(pub i64);

impl Nano {
    /// No money.
    pub const ZERO: Nano = Nano(0);

    /// The sum, at most what fits.
    pub fn plus(self, other: Nano) -> Nano {
        Nano(self.0.saturating_add(other.0))
    }
}

/// A three-letter code such as `USD`, as the operator wrote it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(Box<str>);

impl Currency {
    /// US dollars.
    pub fn usd() -> Self {
        Currency("USD".into())
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        if text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) {
            Ok(Currency(text.into()))
        } else {
            Err(MoneyError::Currency(text))
        }
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.0.into()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An amount with its currency, written `"0.60 USD"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Money {
    /// How much.
    pub amount: Nano,
    /// Of what.
    pub currency: Currency,
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (number, code) = text
            .trim()
            .split_once(' ')
            .ok_or_else(|| MoneyError::Shape(text.into()))?;
        Ok(Money {
            amount: parse_nano(number)?,
            currency: Currency::try_from(code.trim().to_owned())?,
        })
    }
}

impl TryFrom<String> for Money {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Money> for String {
    fn from(money: Money) -> String {
        money.to_string()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.amount.0 < 0 { "-" } else { "" };
        let nano = self.amount.0.unsigned_abs();
        let (whole, rest) = (nano / 1_000_000_000, nano % 1_000_000_000);
        let mut decimals = format!("{rest:09}");
        while decimals.len() > 2 && decimals.ends_with('0') {
            decimals.pop();
        }
        write!(f, "{sign}{whole}.{decimals} {}", self.currency)
    }
}

/// What a model costs, per million tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Nano-units a million prompt tokens.
    pub input: Nano,
    /// Nano-units a million answer tokens.
    pub output: Nano,
    /// The currency of both.
    pub currency: Currency,
}

impl Price {
    /// A price of nothing, for models that run on this machine.
    pub fn free() -> Self {
        Price {
            input: Nano::ZERO,
            output: Nano::ZERO,
            currency: Currency::usd(),
        }
    }

    /// What so many tokens cost, rounded up, at most what fits.
    pub fn cost(&self, prompt_tokens: u64, completion_tokens: u64) -> Nano {
        let side = |tokens: u64, price: Nano| -> i128 {
            let exact = i128::from(tokens) * i128::from(price.0);
            (exact + 999_999) / 1_000_000
        };
        let total = side(prompt_tokens, self.input) + side(completion_tokens, self.output);
        Nano(i64::try_from(total).unwrap_or(i64::MAX))
    }
}

/// Reads `"0.15"` as nano-units; no sign, no exponent, nine decimals at most.
pub fn parse_nano(text: &str) -> Result<Nano, MoneyError> {
    let wrong = || MoneyError::Number(text.into());
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) || decimals.len() > 9 {
        return Err(wrong());
    }
    let whole: i64 = whole.parse().map_err(|_| wrong())?;
    let rest: i64 = format!("{decimals:0<9}").parse().map_err(|_| wrong())?;
    whole
        .checked_mul(1_000_000_000)
        .and_then(|nano| nano.checked_add(rest))
        .map(Nano)
        .ok_or_else(wrong)
}

/// Why a text is no money.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not `number CODE`.
    #[error("\"{0}\" is no amount of money; write it like \"0.60 USD\"")]
    Shape(String),
    /// Not a plain decimal number.
    #[error("\"{0}\" is no price; write a plain number like \"0.15\", nine decimals at most")]
    Number(String),
    /// Not three capital letters.
    #[error("\"{0}\" is no currency; write three capital letters like USD or CNY")]
    Currency(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_reads_and_prints_without_loss() {
        for (text, nano, printed) in [
            ("18.00 USD", 18_000_000_000, "18.00 USD"),
            ("0.60 USD", 600_000_000, "0.60 USD"),
            ("0.000000001 CNY", 1, "0.000000001 CNY"),
            ("7 CNY", 7_000_000_000, "7.00 CNY"),
        ] {
            let money: Money = text.parse().unwrap();
            assert_eq!(money.amount, Nano(nano), "{text}");
            assert_eq!(money.to_string(), printed);
        }
    }

    #[test]
    fn what_is_no_money_is_refused_with_the_way_to_write_it() {
        for text in [
            "-1 USD",
            "1e9 USD",
            "1.0000000001 USD",
            "1",
            "1 usd",
            "99999999999 USD",
            ". USD",
        ] {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_cost_is_rounded_up_and_never_wraps() {
        let price = Price {
            input: parse_nano("0.15").unwrap(),
            output: parse_nano("0.60").unwrap(),
            currency: Currency::usd(),
        };
        assert_eq!(price.cost(1, 0), Nano(150));
        assert_eq!(price.cost(1_000_000, 1_000_000), Nano(750_000_000));
        let dust = Price {
            input: Nano(1),
            output: Nano(0),
            currency: Currency::usd(),
        };
        assert_eq!(dust.cost(1, 0), Nano(1));
        assert_eq!(price.cost(u64::MAX, u64::MAX), Nano(i64::MAX));
    }
}
