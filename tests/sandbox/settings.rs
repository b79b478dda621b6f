//! The settings.

use oauth_tools::sandbox::{Expired, Mask, Rotated, Settings};
use serde_json::Value;

use crate::common::client::*;
use crate::common::start;

#[test]
fn expired_authorizations_appear_as_set() {
    for expired in [Expired::Zero, Expired::Negative, Expired::NullToken, Expired::Hidden] {
        let server = start(Settings { expired, ..Settings::default() });
        let all = list(&server, AUTHZ);
        let left = |a: &Value| a["access_token"]["expires_in"].as_i64();
        let expired_count = match expired {
            Expired::Zero => all.iter().filter(|a| left(a) == Some(0)).count(),
            Expired::Negative => all.iter().filter(|a| left(a).is_some_and(|s| s < 0)).count(),
            Expired::NullToken => all.iter().filter(|a| a["access_token"].is_null()).count(),
            Expired::Hidden => 16 - all.len(),
        };
        assert_eq!(expired_count, 4, "{expired:?}");
    }
}

#[test]
fn a_spent_quota_gets_429() {
    let server = start(Settings { quota: Some(2), ..Settings::default() });
    let left = |path: &str| send(&server, "GET", path, "").header("RateLimit-Remaining").map(str::to_owned);
    assert_eq!(left("/account").as_deref(), Some("1"));
    assert_eq!(left("/account").as_deref(), Some("0"));
    let spent = send(&server, "GET", "/account", "");
    // On a very slow machine a call may have been refilled by now.
    if spent.status != 200 {
        assert_eq!(spent.header("RateLimit-Remaining"), Some("0"));
        assert_eq!(spent.error(429), "rate_limit");
    }
    let free = send(&server, "GET", "/account/rate-limits", "").is(200).json();
    assert!(free["remaining"].is_u64());
}

#[test]
fn a_two_factor_code_is_required_if_set() {
    let server = start(Settings { two_factor: Some("123456".into()), ..Settings::default() });
    let asked = send(&server, "GET", AUTHZ, "");
    assert_eq!(asked.header("Heroku-Two-Factor-Required"), Some("true"));
    assert_eq!(asked.error(403), "two_factor");
    let wrong = send_with(&server, "GET", AUTHZ, "Heroku-Two-Factor-Code: 1\r\n");
    assert_eq!(wrong.error(401), "invalid_two_factor_code");
    send_with(&server, "GET", AUTHZ, "Heroku-Two-Factor-Code: 123456\r\n").is(200);
    assert_eq!(status(&server, "wrong", AUTHZ), 401);
}

fn masked(authz: &Value) -> &str {
    authz["access_token"]["token"].as_str().unwrap()
}

#[test]
fn masks_show_as_many_characters_as_set() {
    let server = start(Settings { redact: (0, 0), ..Settings::default() });
    assert!(list(&server, AUTHZ).iter().all(|a| masked(a) == "**********"));
    let server = start(Settings { redact: (9, 0), ..Settings::default() });
    assert!(list(&server, AUTHZ).iter().all(|a| masked(a).find('*') == Some(9)));
}

#[test]
fn the_hidden_part_of_a_token_looks_as_set() {
    let first = |mask| masked(&list(&start(Settings { mask, ..Settings::default() }), AUTHZ)[0]).to_owned();
    let stars = first(Mask::Stars);
    let (head, tail) = (&stars[..8], &stars[18..]);
    for (mask, hidden) in [
        (Mask::FewStars, "********".to_owned()),
        (Mask::AllStars, "*".repeat(41 - 12)),
        (Mask::Ellipsis, "…".to_owned()),
        (Mask::Letters, "xxxxxxxxxx".to_owned()),
        (Mask::Brackets, "[hidden]".to_owned()),
        (Mask::Word, "REDACTED".to_owned()),
        (Mask::Cut, String::new()),
    ] {
        assert_eq!(first(mask), format!("{head}{hidden}{tail}"));
    }
    let server = start(Settings { mask: Mask::Absent, ..Settings::default() });
    assert!(list(&server, AUTHZ).iter().all(|a| a["access_token"].get("token").is_none()));
}

#[test]
fn a_rotation_makes_of_a_lifetime_and_of_an_id_what_is_set() {
    let left = |a: &Value| a["access_token"]["expires_in"].as_i64();
    for (rotated, new_id) in [(Rotated::Keep, false), (Rotated::For(28_800), false), (Rotated::Keep, true)] {
        let server = start(Settings { rotated, new_id, ..Settings::default() });
        let before = list(&server, AUTHZ);
        for old in before.iter().filter(|a| a["client"].is_null() && left(a) != Some(0)) {
            let id = old["id"].as_str().unwrap();
            // Not the one in use.
            if old["description"] == "oauth-tools sandbox" {
                continue;
            }
            let new = send(&server, "POST", &format!("{AUTHZ}/{id}/actions/regenerate-tokens"), "").json();
            assert_eq!(new["id"] == old["id"], !new_id);
            match rotated {
                Rotated::For(seconds) => assert_eq!(left(&new), Some(seconds)),
                // A second may have passed.
                Rotated::Keep => assert!(left(&new).unwrap_or(0).abs_diff(left(old).unwrap_or(0)) < 60),
            }
            let token = new["access_token"]["token"].as_str().unwrap();
            assert_eq!(status(&server, token, AUTHZ), 200);
        }
        assert_eq!(list(&server, AUTHZ).len(), before.len());
    }
}

#[test]
fn expired_authorizations_are_removed_after_a_while() {
    let count = |removed_after| list(&start(Settings { removed_after, ..Settings::default() }), AUTHZ).len();
    assert_eq!((count(None), count(Some(0)), count(Some(100 * 365 * 86_400))), (16, 12, 16));
    let (some, month) = (count(Some(30 * 86_400)), count(Some(3 * 365 * 86_400)));
    assert!((12..16).contains(&some) && some <= month, "{some} {month}");
}
