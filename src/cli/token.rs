//! `signet token create|list|revoke`.

use std::process::ExitCode;

use clap::Subcommand;

use crate::{
    base::{ids::TokenId, secret::ExposeSecret, slug::Slug, time::Time},
    config::Config,
    store::{Access, TokenRecord},
    usecase::{
        Actor, Failure,
        token::{self, Scope},
    },
};

use super::{
    open, table,
    terminal::{errln, outln},
};

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a token; its text is printed once
    Create {
        /// A name that the history will show
        name: String,
        /// What it may do, such as licenses:read; may be given several times or separated by commas
        #[arg(long, required = true, value_delimiter = ',')]
        scope: Vec<Scope>,
        /// When it ends, RFC 3339 (absent: when it is revoked)
        #[arg(long)]
        expires_at: Option<Time>,
        /// For the door of this product only; the scope `keygen` needs one
        #[arg(long)]
        product: Option<Slug>,
    },
    /// List tokens
    List,
    /// Revoke a token
    Revoke {
        /// Its id
        id: TokenId,
    },
}

/// Runs the command.
///
/// # Errors
/// The database's.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    let app = open::open(&config, Access::Tool).await?;
    match command {
        Command::Create { name, scope, expires_at, product } => {
            let make = app.write(Actor::CommandLine, move |tx, ctx| {
                token::create_for(tx, ctx, &name, &scope, product.as_ref(), expires_at)
            });
            let made: Result<_, Failure> = make.await;
            let (id, text) = made?;
            errln!("token {id}; its text is shown only now:");
            outln!("{}", text.expose_secret());
        }
        Command::List => {
            let tokens: Result<Vec<TokenRecord>, Failure> =
                app.read(Actor::CommandLine, |tx, _| Ok(tx.token_list()?)).await;
            let mut shown = table::with_columns(&["id", "name", "scopes", "made", "last used", "ends"]);
            for token in tokens? {
                let time = |time: Option<Time>| time.map(|time| time.to_string()).unwrap_or_default();
                let ends = match token.revoked_at {
                    Some(at) => format!("revoked {at}"),
                    None => time(token.expires_at),
                };
                let (made, used) = (token.created_at.to_string(), time(token.last_used_at));
                shown.add_row([token.id.to_string(), token.name, token.scopes.join(" "), made, used, ends]);
            }
            outln!("{shown}");
        }
        Command::Revoke { id } => {
            let revoke = app.write(Actor::CommandLine, move |tx, ctx| Ok::<_, Failure>(tx.token_revoke(id, ctx.now)?));
            if !revoke.await? {
                errln!("there is no token {id} that is still valid");
                return Ok(ExitCode::FAILURE);
            }
            outln!("token {id} is revoked");
        }
    }
    Ok(ExitCode::SUCCESS)
}
