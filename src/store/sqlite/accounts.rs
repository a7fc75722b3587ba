//! Users and their devices.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{batch::Batch, rows};
use crate::{
    domain::{
        clock::TimeMs,
        ids::{DeviceId, UserId},
        limits::DEVICES_PER_USER_MAX,
        name::{DeviceName, UserName},
        page::PageSize,
        secret::TokenHash,
        user::{Device, User},
    },
    store::{Account, NewDevice, PasswordHash, UserFilter, UserPage},
};

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId::new(rows::number(row, 0)?),
        name: rows::name(row, 1)?,
        last_seen: row.get::<_, Option<i64>>(2)?.map(TimeMs::new),
    })
}

/// A device name was checked when it was stored; one that no longer passes is shown as none.
fn device_name(row: &Row<'_>, column: usize) -> rusqlite::Result<DeviceName> {
    Ok(row.get_ref(column)?.as_str()?.parse().unwrap_or_default())
}

/// Makes an account; `None` if the name is taken.
pub(super) fn create_user(
    batch: &mut Batch<'_>,
    name: UserName,
    password: Option<PasswordHash>,
    created: TimeMs,
) -> rusqlite::Result<Option<User>> {
    // Looked up rather than left to a conflict: that would use up an id.
    if batch.user_by_name(&name)?.is_some() {
        return Ok(None);
    }
    batch
        .connection()
        .prepare_cached("INSERT INTO users (name, password, created_ms) VALUES (?1, ?2, ?3)")?
        .execute(params![
            name.as_str(),
            password.map(|hash| hash.0),
            created.milliseconds()
        ])?;
    let id = UserId::new(batch.connection().last_insert_rowid().cast_unsigned());
    Ok(Some(User {
        id,
        name,
        last_seen: None,
    }))
}

/// Finds an account by name.
pub(super) fn find_account(
    connection: &Connection,
    name: &UserName,
) -> rusqlite::Result<Option<Account>> {
    connection
        .prepare_cached("SELECT id, name, seen_ms, password FROM users WHERE name = ?1")?
        .query_row([name.as_str()], |row| {
            let password = row.get::<_, Option<String>>(3)?.map(PasswordHash);
            Ok(Account {
                user: user(row)?,
                password,
            })
        })
        .optional()
}

/// Lists accounts by name. The filter by id is for what the store does not know, such as who is online, so it counts
/// in the program rather than in SQL.
pub(super) fn list_users(
    connection: &Connection,
    filter: &UserFilter,
    after: Option<&UserName>,
    size: PageSize,
) -> rusqlite::Result<UserPage> {
    let mut page = UserPage {
        users: Vec::new(),
        more: false,
        total: 0,
    };
    let mut statement = connection.prepare_cached(
        "SELECT id, name, seen_ms FROM users WHERE ?1 = '' OR instr(name, ?1) > 0 ORDER BY name",
    )?;
    let mut found = statement.query([filter.contains.as_str()])?;
    while let Some(row) = found.next()? {
        let id = UserId::new(rows::number(row, 0)?);
        let wanted = filter.only.as_ref().is_none_or(|only| only.contains(&id))
            && filter
                .except
                .as_ref()
                .is_none_or(|except| !except.contains(&id));
        if !wanted {
            continue;
        }
        page.total += 1;
        let later = match after {
            Some(after) => row.get_ref(1)?.as_str()? > after.as_str(),
            None => true,
        };
        if later && page.users.len() < size.items() {
            page.users.push(user(row)?);
        } else if later {
            page.more = true;
        }
    }
    Ok(page)
}

/// Stores a login and retires one if the user has too many.
pub(super) fn create_device(
    batch: &mut Batch<'_>,
    device: &NewDevice,
    streaming: &HashSet<DeviceId>,
) -> rusqlite::Result<(Device, Option<DeviceId>)> {
    let connection = batch.connection();
    let mut oldest = connection
        .prepare_cached("SELECT id FROM devices WHERE user_id = ?1 ORDER BY seen_ms, id")?
        .query_map([rows::int(device.user.number())], |row| {
            rows::number(row, 0)
        })?
        .map(|id| id.map(DeviceId::new))
        .collect::<rusqlite::Result<Vec<_>>>()?
        .into_iter();
    let mut retired = None;
    if oldest.len() >= DEVICES_PER_USER_MAX {
        let first = oldest.as_slice().first().copied();
        retired = oldest.find(|device| !streaming.contains(device)).or(first);
    }
    if let Some(retired) = retired {
        end_device(batch, retired)?;
    }
    let connection = batch.connection();
    connection
        .prepare_cached(
            "INSERT INTO devices (user_id, token_hash, name, created_ms, seen_ms) \
             VALUES (?1, ?2, ?3, ?4, ?4)",
        )?
        .execute(params![
            rows::int(device.user.number()),
            device.token.0,
            device.name.as_str(),
            device.created.milliseconds()
        ])?;
    let id = DeviceId::new(connection.last_insert_rowid().cast_unsigned());
    Ok((
        Device {
            id,
            name: device.name.clone(),
            created: device.created,
        },
        retired,
    ))
}

/// Finds the login of a token.
pub(super) fn find_device(
    connection: &Connection,
    token: TokenHash,
) -> rusqlite::Result<Option<(User, Device)>> {
    connection
        .prepare_cached(
            "SELECT u.id, u.name, u.seen_ms, d.id, d.name, d.created_ms FROM devices AS d \
             JOIN users AS u ON u.id = d.user_id WHERE d.token_hash = ?1",
        )?
        .query_row([token.0], |row| {
            let device = Device {
                id: DeviceId::new(rows::number(row, 3)?),
                name: device_name(row, 4)?,
                created: TimeMs::new(row.get(5)?),
            };
            Ok((user(row)?, device))
        })
        .optional()
}

/// Renames a device, if it is still there.
pub(super) fn rename_device(
    batch: &mut Batch<'_>,
    device: DeviceId,
    name: &DeviceName,
) -> rusqlite::Result<()> {
    batch
        .connection()
        .prepare_cached("UPDATE devices SET name = ?2 WHERE id = ?1")?
        .execute(params![rows::int(device.number()), name.as_str()])
        .map(drop)
}

/// Ends a login. False if it had ended.
pub(super) fn end_device(batch: &mut Batch<'_>, device: DeviceId) -> rusqlite::Result<bool> {
    let ended = batch
        .connection()
        .prepare_cached("DELETE FROM devices WHERE id = ?1")?
        .execute([rows::int(device.number())])?;
    Ok(ended > 0)
}
