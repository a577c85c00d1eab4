//! Merging in the shadow server: partial rows go into a temporary table, the plan's merging
//! statement reads it.

use std::sync::Arc;

use orrery_plan::ShadowMerge;
use orrery_wire::client::ClientError;
use orrery_wire::{Format, ServerError};

use crate::backend::SessionSettings;
use crate::dispatch::Done;
use crate::shadow::{ExchangeError, Held, LOAD_MODE, Loader, ShadowError, ShadowServer, take_over};
use crate::spool::{Budget, Rows};

/// Name of the temporary table; each session has its own.
const TABLE: &str = "`orrery_merge`.`partial`";

/// Loads partial rows, in the order given, runs the merging statement and takes its rows over.
pub async fn merge_in_shadow(
    shadow: &ShadowServer,
    merge: &ShadowMerge,
    partial: Vec<Done>,
    settings: &Arc<SessionSettings>,
    format: Format,
    budget: Arc<Budget>,
) -> Result<Held, ExchangeError> {
    let merged = merged(shadow, merge, partial, settings, format, budget).await;
    let in_users_words = |text: &str| text.replace(&format!("{TABLE}."), "");
    let merged = merged.map(|held| Held {
        warnings: held.warnings.in_words(in_users_words),
        ..held
    });
    merged.map_err(|error| match error {
        // The temporary table is none of the user's.
        ExchangeError::Shadow(ShadowError::Client(ClientError::Server(error))) => {
            ClientError::Server(ServerError {
                message: in_users_words(&error.message),
                ..error
            })
            .into()
        }
        other => other,
    })
}

async fn merged(
    shadow: &ShadowServer,
    merge: &ShadowMerge,
    partial: Vec<Done>,
    settings: &Arc<SessionSettings>,
    format: Format,
    budget: Arc<Budget>,
) -> Result<Held, ExchangeError> {
    let mut lease = shadow.merge_session(settings).await?;
    // Until the temporary table is gone the connection serves no other statement.
    lease.spoil();
    let connection = lease.connection()?;
    connection.run(merge.create_sql(TABLE).as_bytes()).await?;
    connection.run(LOAD_MODE.as_bytes()).await?;
    let mut loader = Loader::new(TABLE, "", merge.partial_columns).numbered();
    for mut done in partial {
        loader
            .load(connection, &mut done, &mut |_| Ok::<_, ExchangeError>(()))
            .await?;
    }
    loader.flush(connection).await?;
    connection.run(settings.set_statement().as_bytes()).await?;
    let statement = merge.merge_sql(TABLE);
    let held = take_over(connection, &statement, format, Rows::new(budget)).await?;
    connection
        .run(format!("DROP TEMPORARY TABLE {TABLE}").as_bytes())
        .await?;
    lease.unspoil();
    Ok(held)
}
