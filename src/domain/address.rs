//! Where a caller comes from, as far as limits care.

use std::net::{IpAddr, Ipv6Addr};

/// The address of a caller. An IPv4 address counts as itself, an IPv6 address as its /64: that much anybody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallerAddress(IpAddr);

impl CallerAddress {
    /// The caller at this address.
    pub fn new(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            address => address,
        })
    }

    /// Whether the caller is on this very machine, where one address stands for everybody.
    pub const fn is_loopback(self) -> bool {
        self.0.is_loopback()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(text: &str) -> CallerAddress {
        CallerAddress::new(text.parse().unwrap())
    }

    #[test]
    fn a_network_of_ipv6_is_one_caller_and_mapped_ipv4_is_ipv4() {
        assert_eq!(caller("2001:db8::1"), caller("2001:db8::ffff:1"));
        assert_ne!(caller("2001:db8::1"), caller("2001:db8:0:1::1"));
        assert_eq!(caller("::ffff:192.0.2.1"), caller("192.0.2.1"));
        assert_ne!(caller("192.0.2.1"), caller("192.0.2.2"));
        assert!(caller("::1").is_loopback() && caller("::ffff:127.0.0.2").is_loopback());
        assert!(!caller("::2").is_loopback());
    }
}
