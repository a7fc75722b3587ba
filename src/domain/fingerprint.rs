//! The fingerprint of a certificate: what people compare and clients pin.

use std::{fmt, str::FromStr};

use ring::digest;

/// The SHA-256 of a certificate in DER, shown as `SHA256:AA:BB:…` (as `openssl x509 -fingerprint -sha256` does after
/// its `=`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

const PREFIX: &str = "SHA256:";

/// Why a text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a fingerprint; one is SHA256: and 32 pairs of hexadecimal digits with colons between")]
pub struct FingerprintError;

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        let mut bytes = [0; 32];
        let digest = digest::digest(&digest::SHA256, certificate);
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let pairs = text.strip_prefix(PREFIX).ok_or(FingerprintError)?;
        let mut bytes = [0; 32];
        let mut count = 0;
        for (place, pair) in bytes.iter_mut().zip(pairs.split(':')) {
            let hexadecimal = pair.len() == 2 && pair.bytes().all(|c| c.is_ascii_hexdigit());
            let byte = u8::from_str_radix(pair, 16).ok().filter(|_| hexadecimal);
            *place = byte.ok_or(FingerprintError)?;
            count += 1;
        }
        match count == bytes.len() && pairs.split(':').count() == bytes.len() {
            true => Ok(Self(bytes)),
            false => Err(FingerprintError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_shown() {
        let of = Fingerprint::of(b"abc");
        // FIPS 180-2, appendix B.1.
        let shown = "SHA256:BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:\
                     B4:10:FF:61:F2:00:15:AD";
        assert_eq!(of.to_string(), shown);
        assert_eq!(shown.parse(), Ok(of));
        for bad in [
            "",
            "SHA256:",
            "SHA256:BA",
            "SHA1:BA",
            &shown[7..],
            &shown[..shown.len() - 3],
            &format!("{shown}:00"),
            &shown.replace("BA:", "+A:"),
        ] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad}");
        }
    }
}
