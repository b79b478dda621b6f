//! The check of a client's redirect URI.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::base::url::Url;

/// Checks that a redirect URI is absolute, has no fragment (RFC 6749, section 3.1.2), and uses https, or http for
/// `localhost`, `*.local`, or a loopback or private address (docs/heroku-api.md, "Redirect URIs").
///
/// # Errors
/// A text that says what is wrong.
pub fn check(uri: &str) -> Result<(), String> {
    let url = Url::parse(uri).map_err(|what| format!("the redirect URI {what}"))?;
    let host = url.bare_host();
    if url.scheme() == "https" || is_local(host) {
        return Ok(());
    }
    Err(format!(
        "the redirect URI must use https: http is allowed only for localhost, *.local, and loopback and private \
         addresses, not for {host}"
    ))
}

fn is_local(host: &str) -> bool {
    let name = host.to_ascii_lowercase();
    let four = |ip: Ipv4Addr| ip.is_loopback() || ip.is_private();
    name == "localhost"
        || name.ends_with(".local")
        || host.parse().is_ok_and(four)
        || host.parse().is_ok_and(|ip: Ipv6Addr| ip.is_loopback() || ip.is_unique_local())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn https_is_accepted_for_every_host_and_http_for_local_ones() {
        for good in [
            "https://example.com/callback",
            "http://localhost:3000/cb",
            "http://printer.local",
            "http://10.1.2.3",
            "http://127.9.9.9:80/x?y=z",
            "http://172.16.0.1",
            "http://172.31.255.255",
            "http://192.168.0.9",
            "http://[::1]:3000",
            "HTTPS://example.com",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "http://example.com",
            "http://172.32.0.1",
            "http://192.0.2.1",
            "http://localhost.evil.example",
            "http://local",
            "http://user@localhost",
            "ftp://example.com",
            "https://",
            "example.com",
            "https://x/#y",
            "https://x /y",
            "javascript:alert(1)",
            "",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
