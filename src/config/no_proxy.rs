//! The list of what is reached without a proxy: `NO_PROXY`, by curl's rules.

use std::net::IpAddr;

use crate::base::text::{QUOTED, is_quoted};
use crate::base::url::Url;

/// What to give instead of an invalid item.
pub(crate) const HINT: &str =
    "give hosts, domains, addresses and networks such as 10.0.0.0/8, separated by commas; * means all";

/// A list of hosts, domains, addresses and networks.
#[derive(Debug)]
pub(crate) struct NoProxy(Vec<Item>);

/// An item of the list.
#[derive(Debug)]
struct Item {
    hosts: Hosts,
    /// The only port for which the item counts.
    port: Option<u16>,
}

#[derive(Debug)]
enum Hosts {
    All,
    /// A host and everything below it.
    Domain(String),
    /// The addresses that begin with so many bits of this one.
    Network(IpAddr, u32),
}

impl NoProxy {
    /// Parses a list, whose items are separated by commas and blanks. Empty items are ignored.
    ///
    /// # Errors
    /// A text that names the first invalid item and says what is wrong with it.
    pub(crate) fn parse(list: &str) -> Result<NoProxy, String> {
        let items = list.split([',', ' ', '\t', '\r', '\n']).filter(|item| !item.is_empty());
        let parse = |(number, item): (usize, &str)| {
            Item::parse(item).map_err(|what| match item.contains('@') {
                // It may be the URL of a proxy, with its password.
                true => format!("item {number} {what}"),
                false => format!("'{item}' {what}"),
            })
        };
        (1..).zip(items).map(parse).collect::<Result<_, _>>().map(NoProxy)
    }

    /// Returns whether a host is reached without a proxy. Without a port, it is that of https.
    pub(crate) fn contains(&self, host: &str, port: Option<u16>) -> bool {
        let (host, port) = (bare(host), port.unwrap_or(443));
        let address = host.parse().ok();
        self.0
            .iter()
            .any(|item| item.port.is_none_or(|only| only == port) && item.hosts.contain(&host, address))
    }
}

impl Item {
    fn parse(item: &str) -> Result<Item, String> {
        if is_quoted(item) {
            return Err(QUOTED.to_owned());
        }
        if item.contains("://") {
            return Err("is a URL: give the host alone".to_owned());
        }
        if let Some((address, length)) = item.split_once('/') {
            let hosts = network(address, length).ok_or("is not a valid network")?;
            return Ok(Item { hosts, port: None });
        }
        // In an IPv6 address without brackets, colons are not followed by a port.
        if let Ok(address) = item.parse() {
            return Ok(Item { hosts: Hosts::Network(address, bits(address).1), port: None });
        }
        let all = item.strip_prefix('*').filter(|rest| rest.is_empty() || rest.starts_with(':'));
        let name = item.strip_prefix("*.").or_else(|| item.strip_prefix('.')).unwrap_or(item);
        if name.is_empty() || name.contains("..") || name.starts_with('.') {
            return Err("is not a valid domain: a name is missing before or after a dot".to_owned());
        }
        if all.is_none() && name.contains('*') {
            return Err("has a * in the wrong place: use * alone, or *. before a domain".to_owned());
        }
        let url = Url::of_host(
            &all.map_or_else(|| name.to_owned(), |port| format!("all{port}")),
            "is not a valid host, address or network",
        )?;
        let host = bare(url.host());
        let hosts = match host.parse() {
            _ if all.is_some() => Hosts::All,
            Ok(address) => Hosts::Network(address, bits(address).1),
            Err(_) => Hosts::Domain(host),
        };
        Ok(Item { hosts, port: url.port() })
    }
}

impl Hosts {
    /// Returns whether a host belongs here. `address` is the host, if it is an address.
    fn contain(&self, host: &str, address: Option<IpAddr>) -> bool {
        match self {
            Hosts::All => true,
            Hosts::Domain(domain) => {
                host.strip_suffix(&domain[..]).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Hosts::Network(network, length) => address.is_some_and(|address| {
                let ((ours, size), (theirs, other)) = (bits(address), bits(*network));
                size == other && (ours ^ theirs).checked_shr(size - length).unwrap_or(0) == 0
            }),
        }
    }
}

/// Parses a network: an address, and how many of its bits count.
fn network(address: &str, length: &str) -> Option<Hosts> {
    let address = address.parse().ok()?;
    let is_number = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let length = length.parse().ok().filter(|length| is_number && *length <= bits(address).1)?;
    Some(Hosts::Network(address, length))
}

/// Returns the bits of an address, and how many it has.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    }
}

/// Returns a host in lower case, without brackets and without the dot of a full name.
fn bare(host: &str) -> String {
    let host = host.trim_matches(['[', ']']);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::NoProxy;

    #[test]
    fn no_proxy_lists_hosts_domains_ports_and_networks() {
        let excluded = |list: &str, host: &str| NoProxy::parse(list).expect(list).contains(host, None);
        for (list, host) in [
            ("api.heroku.com:443", "api.heroku.com"),
            ("api.heroku.com.", "api.heroku.com"),
            ("api.heroku.com", "api.heroku.com."),
            (".heroku.com:443", "api.heroku.com"),
            ("*.heroku.com", "api.heroku.com"),
            ("x,,  API.Heroku.COM", "api.heroku.com"),
            ("x\theroku.com.", "api.heroku.com"),
            ("x,\n  heroku.com\r\n", "api.heroku.com"),
            ("*", "api.heroku.com"),
            ("*:443", "api.heroku.com"),
            ("*", "[fd00::1]"),
            ("10.0.0.0/8", "10.1.2.3"),
            ("10.9.9.9/8", "10.1.2.3"),
            ("10.1.2.3/32", "10.1.2.3"),
            ("0.0.0.0/0", "10.1.2.3"),
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.3:443", "10.1.2.3"),
            ("fd00::/8", "[fd00::1]"),
            ("::/0", "[fd00::1]"),
            ("fd00::1", "[fd00::1]"),
            ("FD00:0::1", "[fd00::1]"),
            ("[fd00::1]", "[fd00::1]"),
            ("[fd00::1]:443", "[fd00::1]"),
        ] {
            assert!(excluded(list, host), "{list} {host}");
        }
        for (list, host) in [
            ("", "api.heroku.com"),
            (",", "api.heroku.com"),
            (" , ,", "api.heroku.com"),
            ("api.heroku.com:8443", "api.heroku.com"),
            ("*:8443", "api.heroku.com"),
            ("roku.com", "api.heroku.com"),
            ("xapi.heroku.com", "api.heroku.com"),
            ("my_service,localhost", "api.heroku.com"),
            ("10.0.0.0/8", "11.1.2.3"),
            ("10.0.0.0/8", "api.heroku.com"),
            ("::/0", "10.1.2.3"),
            ("fd00::1", "[fd00::2]"),
        ] {
            assert!(!excluded(list, host), "{list} {host}");
        }
        let list = NoProxy::parse("h:8443").expect("a list");
        assert!(list.contains("h", Some(8443)) && !list.contains("h", Some(443)));
    }

    #[test]
    fn an_invalid_item_is_named() {
        for (list, what) in [
            ("localhost,10.0.0.0/33", "'10.0.0.0/33' is not a valid network"),
            ("10.0.0.0/x", "'10.0.0.0/x' is not a valid network"),
            ("10.0.0.0/+8", "'10.0.0.0/+8' is not a valid network"),
            ("10.0.0.0/", "'10.0.0.0/' is not a valid network"),
            ("10.0.0/8", "'10.0.0/8' is not a valid network"),
            ("fd00::/129", "'fd00::/129' is not a valid network"),
            ("[fd00::]/8", "'[fd00::]/8' is not a valid network"),
            ("heroku.com/8", "'heroku.com/8' is not a valid network"),
            ("/8", "'/8' is not a valid network"),
            ("http://heroku.com", "'http://heroku.com' is a URL: give the host alone"),
            ("http://user:sekret@proxy", "item 1 is a URL: give the host alone"),
            ("a user:sekret@proxy:1", "item 2 contains a user name"),
            ("[::1", "'[::1' is not a valid host, address or network"),
            ("::1]", "'::1]' is not a valid host, address or network"),
            ("[::1]x", "'[::1]x' is not a valid host, address or network"),
            ("fe80::1%eth0", "'fe80::1%eth0' is not a valid host, address or network"),
            ("10.0.0.256", "'10.0.0.256' has a host that is not a valid IPv4 address"),
            ("192.168.", "'192.168.' has a host that is not a valid IPv4 address"),
            ("10.*", "'10.*' has a * in the wrong place: use * alone, or *. before a domain"),
            ("*heroku.com", "'*heroku.com' has a * in the wrong place: use * alone, or *. before a domain"),
            (".", "'.' is not a valid domain: a name is missing before or after a dot"),
            ("*.", "'*.' is not a valid domain: a name is missing before or after a dot"),
            ("heroku..com", "'heroku..com' is not a valid domain: a name is missing before or after a dot"),
            ("..heroku.com", "'..heroku.com' is not a valid domain: a name is missing before or after a dot"),
            ("heroku.com:", "'heroku.com:' has an invalid port"),
            ("heroku.com:0", "'heroku.com:0' has an invalid port"),
            ("heroku.com:99999", "'heroku.com:99999' has an invalid port"),
            ("*:x", "'*:x' is not a valid host, address or network"),
            ("a;b", "'a;b' is not a valid host, address or network"),
            ("a|b", "'a|b' is not a valid host, address or network"),
            ("<local>", "'<local>' is not a valid host, address or network"),
            ("$HOSTS", "'$HOSTS' is not a valid host, address or network"),
            ("a\\b", "'a\\b' contains a space or a backslash"),
            ("'a", "''a' has quotes around it: an env file keeps its quotes, remove them"),
            ("\"a,b\"", "'\"a' has quotes around it: an env file keeps its quotes, remove them"),
            ("a\u{200b}", r"contains the invisible character '\u{200b}'"),
            ("b\u{fc}cher.example", "has a host that is not ASCII: give its ASCII form (xn--...)"),
        ] {
            let error = NoProxy::parse(list).expect_err(list);
            assert!(error == what || error.ends_with(&format!("' {what}")), "{list}: {error}");
            assert!(!error.contains("sekret"), "{error}");
        }
    }
}
