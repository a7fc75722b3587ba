//! Whom a connection trusts, and what is said when it does not.
//!
//! rustls with ring, TLS 1.2 and 1.3, HTTP/2 by ALPN or nothing. A pinned certificate is trusted whatever it says about
//! names, issuers and dates: its key is what the user has compared. There is no way from here to plaintext.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as Rustls, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};

use super::connect::ServerAddress;
use crate::domain::fingerprint::Fingerprint;

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// In the clear: for this very machine, and for networks that the user trusts.
    Plaintext,
    /// Encrypted, with a server that this trusts.
    Tls(Trust),
}

/// How well a server was known when a login was made: what its token may be shown to later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assurance {
    /// Not at all.
    Plaintext,
    /// An authority vouched for it.
    Vouched,
    /// By this certificate.
    Pinned(Fingerprint),
}

impl Security {
    /// How well a server that is reached so is known.
    pub const fn assurance(&self) -> Assurance {
        match self {
            Self::Plaintext => Assurance::Plaintext,
            Self::Tls(Trust::System | Trust::Authorities(_)) => Assurance::Vouched,
            Self::Tls(Trust::Pinned(pinned)) => Assurance::Pinned(*pinned),
        }
    }
}

impl Assurance {
    /// Whether a token that was made under this may be sent to a server that is known as `now` says.
    pub fn covers(self, now: Self) -> bool {
        self == Self::Plaintext || self == now
    }
}

impl fmt::Display for Assurance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plaintext => f.write_str("plaintext"),
            Self::Vouched => f.write_str("vouched"),
            Self::Pinned(pinned) => write!(f, "pinned {pinned}"),
        }
    }
}

/// The text is no assurance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not plaintext, vouched or pinned FINGERPRINT")]
pub struct AssuranceError;

impl FromStr for Assurance {
    type Err = AssuranceError;

    fn from_str(text: &str) -> Result<Self, AssuranceError> {
        match text {
            "plaintext" => Ok(Self::Plaintext),
            "vouched" => Ok(Self::Vouched),
            _ => {
                let pinned = text.strip_prefix("pinned ").and_then(|it| it.parse().ok());
                pinned.map(Self::Pinned).ok_or(AssuranceError)
            }
        }
    }
}

/// Which certificates are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those that an authority of this machine vouches for.
    System,
    /// Those that an authority in this PEM file vouches for, or that stand in it.
    Authorities(PathBuf),
    /// This very one.
    Pinned(Fingerprint),
}

/// Why a server is not trusted, or cannot be. Each says the mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFailure {
    /// Nobody whom this machine trusts vouches for it.
    #[error(
        "nobody whom this machine trusts vouches for the certificate of {server} ({fingerprint}); compare that with what \
         the server printed at its start and trust it from a terminal, or give its certificate with --ca FILE"
    )]
    Unknown {
        /// The server.
        server: String,
        /// What it showed.
        fingerprint: Fingerprint,
    },
    /// It shows another certificate than the pinned one.
    #[error(
        "the certificate of {server} is another one than you trusted: it shows {shown}, you trusted {pinned}; somebody \
         may stand between you and it. If its operator tells you that it has a new one, forget the old one with \
         tinychat-client --server {server} forget"
    )]
    Changed {
        /// The server.
        server: String,
        /// What it showed.
        shown: Fingerprint,
        /// What was trusted.
        pinned: Fingerprint,
    },
    /// Its time is over, or has not come.
    #[error(
        "the certificate of {server} is {when}; ask its operator for a fresh one, and see that the clock of this machine \
         is right"
    )]
    OutOfTime {
        /// The server.
        server: String,
        /// `no longer valid` or `not yet valid`.
        when: &'static str,
    },
    /// It is of another host.
    #[error(
        "the certificate of {server} is not for that name{names}; connect by a name that it is for, or ask its operator \
         for one that fits"
    )]
    WrongName {
        /// The server.
        server: String,
        /// ` but for A, B`, if it names any.
        names: String,
    },
    /// Another fault of the certificate or of the handshake.
    #[error("{server} cannot be trusted: {cause}; ask its operator")]
    Untrusted {
        /// The server.
        server: String,
        /// What rustls says.
        cause: String,
    },
    /// It does not speak HTTP/2 inside TLS.
    #[error(
        "{server} speaks TLS, but not HTTP/2 (ALPN h2); is it a TinyChat server, or a proxy that passes no HTTP/2?"
    )]
    NoHttp2 {
        /// The server.
        server: String,
    },
    /// It does not speak TLS.
    #[error(
        "{server} does not speak TLS; start it with --tls, or use --insecure if you trust the network"
    )]
    NotTls {
        /// The server.
        server: String,
    },
    /// The address has no name that a certificate could be for.
    #[error(
        "{server} is no name that a certificate can be for; connect by its DNS name or address"
    )]
    NoName {
        /// The server.
        server: String,
    },
    /// The file of authorities cannot be used.
    #[error("cannot use the certificates in {file}: {cause}; give a PEM file with --ca")]
    Authorities {
        /// The file.
        file: String,
        /// What is wrong.
        cause: String,
    },
}

/// The name that the certificate of a server must be for.
pub fn server_name(server: &ServerAddress) -> Result<ServerName<'static>, TlsFailure> {
    ServerName::try_from(server.host().to_owned()).map_err(|_| TlsFailure::NoName {
        server: server.as_str().to_owned(),
    })
}

/// What TLS to this server is made with.
pub fn config(server: &ServerAddress, trust: &Trust) -> Result<ClientConfig, TlsFailure> {
    let provider = Arc::new(ring::default_provider());
    let untrusted = |cause: String| TlsFailure::Untrusted {
        server: server.as_str().to_owned(),
        cause,
    };
    let judge = match trust {
        Trust::Pinned(pinned) => Judge::Pinned(*pinned),
        Trust::System => Judge::authorities(system_authorities(), &provider).map_err(untrusted)?,
        Trust::Authorities(file) => {
            let unusable = |cause| TlsFailure::Authorities {
                file: file.display().to_string(),
                cause,
            };
            let certificates = authorities_of(file).map_err(unusable)?;
            let mut roots = RootCertStore::empty();
            for certificate in &certificates {
                let added = roots.add(certificate.clone());
                added.map_err(|error| unusable(error.to_string()))?;
            }
            let named = certificates.iter().map(|it| Fingerprint::of(it)).collect();
            Judge::authorities(roots, &provider)
                .map_err(untrusted)?
                .or_one_of(named)
        }
    };
    let verifier = Verifier {
        server: server.as_str().to_owned(),
        judge,
        provider: Arc::clone(&provider),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| untrusted(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Reads what a failed handshake says.
pub fn failure(server: &ServerAddress, error: &io::Error) -> Option<TlsFailure> {
    let inner = error.get_ref()?.downcast_ref::<Rustls>()?;
    let server = server.as_str().to_owned();
    Some(match inner {
        Rustls::InvalidCertificate(CertificateError::Other(other)) => {
            match other.0.downcast_ref::<TlsFailure>() {
                Some(failure) => failure.clone(),
                None => TlsFailure::Untrusted {
                    server,
                    cause: inner.to_string(),
                },
            }
        }
        Rustls::InvalidMessage(_) => TlsFailure::NotTls { server },
        Rustls::AlertReceived(rustls::AlertDescription::NoApplicationProtocol)
        | Rustls::NoApplicationProtocol => TlsFailure::NoHttp2 { server },
        _ => TlsFailure::Untrusted {
            server,
            cause: inner.to_string(),
        },
    })
}

/// Judges certificates by a pin or by authorities.
#[derive(Debug)]
enum Judge {
    Pinned(Fingerprint),
    Authorities {
        verifier: Arc<WebPkiServerVerifier>,
        /// Certificates that were named one by one: each is trusted itself, as what signs itself and says that it is
        /// an authority (as `openssl req -x509` makes them) must be, since a verifier takes no authority for a server.
        named: Vec<Fingerprint>,
    },
    /// There is none on this machine.
    NoAuthorities,
}

impl Judge {
    fn authorities(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        if roots.is_empty() {
            return Ok(Self::NoAuthorities);
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let verifier = verifier.build().map_err(|error| error.to_string())?;
        let named = Vec::new();
        Ok(Self::Authorities { verifier, named })
    }

    fn or_one_of(self, named: Vec<Fingerprint>) -> Self {
        match self {
            Self::Authorities { verifier, .. } => Self::Authorities { verifier, named },
            other => other,
        }
    }
}

/// Judges a certificate, and puts what is wrong with it in words.
#[derive(Debug)]
struct Verifier {
    server: String,
    judge: Judge,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn words(&self, error: &Rustls, shown: Fingerprint) -> TlsFailure {
        use CertificateError as Bad;
        let server = self.server.clone();
        let unknown = TlsFailure::Unknown {
            server: server.clone(),
            fingerprint: shown,
        };
        match error {
            Rustls::InvalidCertificate(bad) => match bad {
                // A bad signature is what an authority of the same name but another key looks like.
                Bad::UnknownIssuer | Bad::BadSignature => unknown,
                Bad::Expired | Bad::ExpiredContext { .. } => TlsFailure::OutOfTime {
                    server,
                    when: "no longer valid",
                },
                Bad::NotValidYet | Bad::NotValidYetContext { .. } => TlsFailure::OutOfTime {
                    server,
                    when: "not yet valid",
                },
                Bad::NotValidForName => TlsFailure::WrongName {
                    server,
                    names: String::new(),
                },
                Bad::NotValidForNameContext { presented, .. } => TlsFailure::WrongName {
                    server,
                    names: names(presented),
                },
                Bad::Other(_) if is_authority(error) => unknown,
                _ => TlsFailure::Untrusted {
                    server,
                    cause: error.to_string(),
                },
            },
            _ => TlsFailure::Untrusted {
                server,
                cause: error.to_string(),
            },
        }
    }
}

/// Whether a server shows the certificate of an authority as its own.
fn is_authority(error: &Rustls) -> bool {
    error.to_string().contains("CaUsedAsEndEntity")
}

/// Most names that are told; a certificate can hold thousands.
const NAMES_MAX: usize = 5;

/// Names of a certificate, which may hold anything: what no name has is left out.
fn names(presented: &[String]) -> String {
    let plain = |name: &&String| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-.:*_".contains(c);
        let name = name
            .strip_prefix("DnsName(\"")
            .map_or(name.as_str(), |name| name.trim_end_matches("\")"));
        name.len() <= 253 && name.chars().all(|c| fits(c) || "()\" ".contains(c))
    };
    let tidy = |name: &String| {
        let name = name
            .trim_start_matches("DnsName(")
            .trim_start_matches("IpAddress(");
        name.trim_end_matches(')').trim_matches('"').to_owned()
    };
    let names: Vec<String> = presented
        .iter()
        .filter(plain)
        .take(NAMES_MAX)
        .map(tidy)
        .collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(" but for {}", names.join(", ")),
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Rustls> {
        let shown = Fingerprint::of(end_entity);
        let failure = match &self.judge {
            Judge::Pinned(pinned) if *pinned == shown => {
                return Ok(ServerCertVerified::assertion());
            }
            Judge::Pinned(pinned) => TlsFailure::Changed {
                server: self.server.clone(),
                shown,
                pinned: *pinned,
            },
            Judge::NoAuthorities => TlsFailure::Unknown {
                server: self.server.clone(),
                fingerprint: shown,
            },
            Judge::Authorities { verifier, named } => {
                let verdict = verifier.verify_server_cert(
                    end_entity,
                    intermediates,
                    server_name,
                    ocsp_response,
                    now,
                );
                match verdict {
                    Ok(verified) => return Ok(verified),
                    // The verifier stopped before it came to the name.
                    Err(error) if is_authority(&error) && named.contains(&shown) => {
                        let parsed = ParsedCertificate::try_from(end_entity)?;
                        match verify_server_name(&parsed, server_name) {
                            Ok(()) => return Ok(ServerCertVerified::assertion()),
                            Err(error) => self.words(&error, shown),
                        }
                    }
                    Err(error) => self.words(&error, shown),
                }
            }
        };
        let other = rustls::OtherError(Arc::new(failure));
        Err(Rustls::InvalidCertificate(CertificateError::Other(other)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn system_authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // What cannot be read vouches for nobody; that is told when somebody is unknown.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// A file with more holds something else.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

fn authorities_of(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    use io::Read as _;
    let opened = fs::File::open(file).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    opened
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    let all: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    match all.is_empty() {
        true => Err("there is none in it".to_owned()),
        false => Ok(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_only_where_it_was_made_or_was_no_secret() {
        let (one, other) = (Fingerprint::of(b"1"), Fingerprint::of(b"2"));
        let all = [
            Assurance::Plaintext,
            Assurance::Vouched,
            Assurance::Pinned(one),
            Assurance::Pinned(other),
        ];
        for made in all {
            assert_eq!(made.to_string().parse(), Ok(made));
            for now in all {
                let allowed = made == now || made == Assurance::Plaintext;
                assert_eq!(made.covers(now), allowed, "{made} {now}");
            }
        }
        for bad in ["", "pinned", "pinned SHA256:00", "Vouched", "vouched "] {
            assert_eq!(bad.parse::<Assurance>(), Err(AssuranceError), "{bad}");
        }
    }

    #[test]
    fn names_are_told_without_what_no_name_has() {
        let names = |all: &[&str]| names(&all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(names(&[]), "");
        assert_eq!(
            names(&["DnsName(\"chat.example.org\")", "IpAddress(127.0.0.1)"]),
            " but for chat.example.org, 127.0.0.1"
        );
        assert_eq!(
            names(&["DnsName(\"\u{1b}]0;x\")", "a.example"]),
            " but for a.example"
        );
    }
}
