//! How near an address is, by its name alone: nothing is resolved and nothing opened.

use std::net::IpAddr;

/// Where a host is, as far as its name tells: no name is resolved for this.
pub(super) enum Neighbourhood {
    Loopback,
    Private,
    Public,
    /// Where clouds keep a machine's own keys.
    Metadata,
}

impl Neighbourhood {
    pub(super) fn of(host: &str) -> Self {
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .trim_end_matches('.')
            .to_ascii_lowercase();
        if host == "metadata" || host == "metadata.google.internal" {
            return Neighbourhood::Metadata;
        }
        if let Ok(ip) = host.parse::<IpAddr>() {
            return match ip.to_canonical() {
                ip if ip.is_loopback() => Neighbourhood::Loopback,
                // 100.100.100.200 and fd00:ec2::254 are metadata services too.
                IpAddr::V4(ip) if ip.is_link_local() || ip.octets() == [100, 100, 100, 200] => {
                    Neighbourhood::Metadata
                }
                IpAddr::V6(ip)
                    if ip.is_unicast_link_local() || ip.segments()[..2] == [0xfd00, 0x0ec2] =>
                {
                    Neighbourhood::Metadata
                }
                IpAddr::V4(ip)
                    if ip.is_private() || ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64 =>
                {
                    Neighbourhood::Private
                }
                IpAddr::V6(ip) if ip.is_unique_local() => Neighbourhood::Private,
                IpAddr::V4(_) | IpAddr::V6(_) => Neighbourhood::Public,
            };
        }
        let ends = |ends: &[&str]| ends.iter().any(|end| host.ends_with(end));
        if host == "localhost" || ends(&[".localhost"]) {
            Neighbourhood::Loopback
        } else if !host.contains('.')
            || ends(&[
                ".local",
                ".lan",
                ".internal",
                ".home.arpa",
                ".test",
                ".localdomain",
            ])
        {
            // One word is a name of this network: a container, a machine next door.
            Neighbourhood::Private
        } else {
            Neighbourhood::Public
        }
    }
}
