//! `oauth-mk token`: exchanges a grant code or a refresh token for an access token.

use std::hash::{BuildHasher, RandomState};

use serde_json::json;

use crate::api::Api;
use crate::api::request::Body;
use crate::base::error::Error;
use crate::base::secret::Secret;
use crate::change::outcome::Outcome;
use crate::change::targets::{Item, Targets};
use crate::change::{Change, Effect, Plan, Run, Step};
use crate::cli::{Args, Opt, opts};
use crate::config::scopes::Scopes;
use crate::record::kind::{Kind, check_id};
use crate::session::Session;
use crate::tools::mk::web_flow::{Redirect, authorize_url};
use crate::tools::secret_option;

/// `--grant-code FROM`
pub(crate) const GRANT_CODE: Opt =
    Opt::value(None, "grant-code", "FROM", "exchange a grant code: -, @FILE, env:NAME or the text");
/// `--refresh-token FROM`
pub(crate) const REFRESH_TOKEN: Opt =
    Opt::value(None, "refresh-token", "FROM", "exchange a refresh token: -, @FILE, env:NAME or the text");
/// `--web CLIENT-ID`
pub(crate) const WEB: Opt = Opt::value(
    None,
    "web",
    "CLIENT-ID",
    "go through the web flow of a client whose redirect URI is on this machine",
);

/// An exchange: the grant and what goes with it.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// A grant code, with the client's secret.
    Code(Secret, Secret),
    /// A refresh token, with the client's secret.
    Refresh(Secret, Secret),
    /// A grant code from the web flow: the client's id, its secret if the API does not show it, and the scopes.
    Web(String, Option<Secret>, Vec<String>),
}

impl Exchange {
    /// Reads the exchange that a command line asks for.
    ///
    /// # Errors
    /// A usage error if it is not exactly one exchange, or standard input would be read twice.
    pub(crate) fn read(args: &Args, session: &mut Session) -> Result<Exchange, Error> {
        let (code, refresh, web) = (args.get(&GRANT_CODE)?, args.get(&REFRESH_TOKEN)?, args.get(&WEB)?);
        let secret = args.get(&opts::CLIENT_SECRET)?;
        let stdin_is_free = [code, refresh, secret].iter().filter(|v| **v == Some("-")).count() < 2;
        let mut take = |opt: &Opt, value: &str| {
            secret_option::secret(session, &format!("--{}", opt.long), value, stdin_is_free)
        };
        let client = secret.map(|value| take(&opts::CLIENT_SECRET, value)).transpose()?;
        match (code, refresh, web, client) {
            (Some(code), None, None, Some(client)) => Ok(Exchange::Code(take(&GRANT_CODE, code)?, client)),
            (None, Some(token), None, Some(client)) => {
                Ok(Exchange::Refresh(take(&REFRESH_TOKEN, token)?, client))
            }
            (None, None, Some(id), client) => {
                check_id(id).map_err(|e| Error::usage(format!("--web: {e}")))?;
                let known = Scopes::read(&session.config)?;
                let scope = args.new_scopes(&known)?.unwrap_or_else(|| vec!["identity".to_owned()]);
                Ok(Exchange::Web(id.to_owned(), client, scope))
            }
            _ => Err(Error::usage(
                "a token comes from --grant-code or --refresh-token, with --client-secret, or from --web"
                    .to_owned(),
            )),
        }
    }
}

impl Change for Exchange {
    type Ready = ();

    fn effect(&self) -> Effect {
        Effect::Creates
    }

    fn prepare(&self, _: &mut Session, _: Option<&Targets>) -> Result<(), Error> {
        Ok(())
    }

    /// Shows neither the code nor the refresh token: they are secrets, and a code from the web flow is not known yet.
    fn plan(&self, (): &(), _: &Item<'_>) -> Result<Plan, Error> {
        let grant = match self {
            Exchange::Code(..) | Exchange::Web(..) => "authorization_code",
            Exchange::Refresh(..) => "refresh_token",
        };
        let mut body = Body::default();
        body.set("grant", json!({ "type": grant }));
        Ok(Plan::Do(Step { would: "would-create", body: Some(body), ..Step::default() }))
    }

    fn apply(&self, (): &(), run: &Run<'_>, _: &Item<'_>, _: &Step) -> Result<Outcome, Error> {
        let body = match self {
            Exchange::Code(code, client) => code_body(code, client),
            Exchange::Refresh(token, client) => json!({
                "grant": { "type": "refresh_token" },
                "client": { "secret": client.expose() },
                "refresh_token": { "token": token.expose() },
            }),
            Exchange::Web(id, secret, scope) => web_flow_body(run.api, id, secret.as_ref(), scope)?,
        };
        Ok(Outcome::renewed(run.api.exchange(&body.to_string())?, "created").pass_on(run.exec))
    }
}

fn code_body(code: &Secret, client: &Secret) -> serde_json::Value {
    json!({
        "grant": { "type": "authorization_code", "code": code.expose() },
        "client": { "secret": client.expose() },
    })
}

/// Runs the web flow: waits for a visit of the client's redirect URI, which brings a grant code.
fn web_flow_body(
    api: &Api,
    id: &str,
    secret: Option<&Secret>,
    scope: &[String],
) -> Result<serde_json::Value, Error> {
    let client = api.get(Kind::Client, id)?.record;
    let shown = client.whole_secret().map(Secret::new);
    let secret = secret.or(shown.as_ref()).ok_or_else(|| {
        Error::failed("the API does not show this client's secret").with_hint("give it with --client-secret")
    })?;
    let redirect = Redirect::listen(&client.text(&["redirect_uri"]))?;
    // Unpredictable, because the keys of RandomState are random numbers from the system.
    let state = RandomState::new();
    let state = format!("{:016x}{:016x}", state.hash_one(id), state.hash_one(scope));
    let messages = api.messages();
    messages.say(&format!("visit {}", authorize_url(api.base(), id, scope, &state)));
    let code = redirect.wait(&state, messages, api.stop())?;
    messages.hide(&code);
    Ok(code_body(&code, secret))
}
