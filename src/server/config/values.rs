//! What the values of flags look like when they are typed: rates, times and sizes.

use std::{str::FromStr, time::Duration};

use crate::domain::limits::SendRate;

/// A rate of sends as it is typed: `20/s`, or `off`.
#[derive(Clone, Copy, Debug)]
pub struct Rate(pub Option<SendRate>);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let number = text.strip_suffix("/s").unwrap_or(text);
        match number.parse::<u32>() {
            Ok(per_second) if per_second > 0 => Ok(Self(Some(SendRate {
                per_second,
                burst: per_second.saturating_mul(5),
            }))),
            _ => Err(format!(
                "{text:?} is no rate; use a number of sends such as 20/s, or off"
            )),
        }
    }
}

/// A time or none.
#[derive(Clone, Copy, Debug)]
pub struct Age(pub Option<Duration>);

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self(None)),
            _ => match duration(text)? {
                Duration::ZERO => Err("an age of 0 would end every connection; use off".to_owned()),
                age => Ok(Self(Some(age))),
            },
        }
    }
}

/// Room for files or none to keep to.
#[derive(Clone, Copy, Debug)]
pub struct Room(pub Option<u64>);

impl FromStr for Room {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self(None)),
            _ => bytes(text).map(|room| Self(Some(room))),
        }
    }
}

/// Reads `500KiB`, `100MiB`, `2GiB`, or bytes without a unit.
pub fn bytes(text: &str) -> Result<u64, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let error = || format!("{text:?} is no size; use 500KiB, 100MiB, 2GiB, or a number of bytes");
    let number: u64 = number.parse().map_err(|_| error())?;
    let each = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err(error()),
    };
    let all = number
        .checked_mul(each)
        .filter(|&all| i64::try_from(all).is_ok());
    all.filter(|&all| all > 0).ok_or_else(error)
}

/// Reads `500ms`, `10s`, `2m` or `24h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let error = || format!("{text:?} is no time; use 10s, 500ms, 2m or 24h");
    let number: u64 = number.parse().map_err(|_| error())?;
    let seconds = |each| {
        let seconds = number.checked_mul(each).filter(|&all| all <= SECONDS_MAX);
        seconds.map(Duration::from_secs).ok_or_else(error)
    };
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3_600),
        _ => Err(error()),
    }
}

/// Ten years: what is longer is a slip, and a clock cannot add every number.
const SECONDS_MAX: u64 = 10 * 366 * 24 * 3_600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, size) in [
            ("1", 1),
            ("500KiB", 512_000),
            ("100MiB", 104_857_600),
            ("2GiB", 1 << 31),
        ] {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for bad in [
            "",
            "0",
            "MiB",
            "1MB",
            "1 MiB",
            "-1",
            "1.5GiB",
            "99999999999TiB",
            "8388608TiB",
        ] {
            assert!(bytes(bad).unwrap_err().contains("is no size"), "{bad}");
        }
        assert!(matches!("off".parse(), Ok(Room(None))));
        assert!(matches!("1MiB".parse(), Ok(Room(Some(1_048_576)))));
    }

    #[test]
    fn rates_are_read() {
        assert!(matches!("off".parse(), Ok(Rate(None))));
        let three = SendRate {
            per_second: 3,
            burst: 15,
        };
        assert!(matches!("3/s".parse(), Ok(Rate(Some(rate))) if rate == three));
        for bad in ["", "0/s", "-1/s", "x"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_read() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("24h"), Ok(Duration::from_secs(86_400)));
        for bad in [
            "",
            "s",
            "10",
            "10d",
            "-1s",
            "99999999999999999999s",
            "9999999h",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert!(matches!("off".parse(), Ok(Age(None))));
        assert!("0s".parse::<Age>().is_err());
    }
}
