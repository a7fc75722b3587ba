//! Users and their devices.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{batch::Batch, rows};
use crate::{
    domain::{
        clock::TimeMs,
        ids::{DeviceId, UserId},
        limits::{DEVICES_PER_USER_MAX, TOKENS_PER_USER_MAX},
        name::{DeviceName, UserName},
        page::PageSize,
        scope::Scopes,
        secret::TokenHash,
        user::{Device, DeviceKind, DeviceSeen, User},
    },
    store::{Account, CreateDeviceError, NewDevice, PasswordHash, UserFilter, UserPage},
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

/// The columns that `device` reads, in its order.
const DEVICE: &str = "d.id, d.name, d.created_ms, d.kind, d.scopes, d.expires_ms";

fn device(row: &Row<'_>, first: usize) -> rusqlite::Result<Device> {
    let kind = match row.get::<_, i64>(first + 3)? {
        TOKEN => DeviceKind::Token,
        _ => DeviceKind::Login,
    };
    Ok(Device {
        id: DeviceId::new(rows::number(row, first)?),
        name: device_name(row, first + 1)?,
        created: TimeMs::new(row.get(first + 2)?),
        kind,
        scopes: Scopes::from_bits(row.get(first + 4)?),
        expires: row.get::<_, Option<i64>>(first + 5)?.map(TimeMs::new),
    })
}

/// How the kinds of devices are stored.
const LOGIN: i64 = 1;
const TOKEN: i64 = 2;

const fn kind_number(kind: DeviceKind) -> i64 {
    match kind {
        DeviceKind::Login => LOGIN,
        DeviceKind::Token => TOKEN,
    }
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

/// Stores a login or a token, ends what has expired, and retires a login if the user has too many.
pub(super) fn create_device(
    batch: &mut Batch<'_>,
    new: &NewDevice,
    streaming: &HashSet<DeviceId>,
) -> rusqlite::Result<Result<(Device, Vec<DeviceId>), CreateDeviceError>> {
    let user = rows::int(new.user.number());
    if let Some(proof) = &new.proof
        && password(batch, new.user)?.as_ref() != Some(proof)
    {
        return Ok(Err(CreateDeviceError::PasswordChanged));
    }
    if let Some(maker) = new.made_by
        && !has_device(batch, new, maker)?
    {
        return Ok(Err(CreateDeviceError::MakerEnded));
    }
    let mut ended = device_ids(
        batch,
        "SELECT id FROM devices WHERE user_id = ?1 AND expires_ms <= ?2 ORDER BY id",
        (user, new.created.milliseconds()),
    )?;
    for expired in &ended {
        end_device(batch, new.user, *expired)?;
    }
    let oldest = device_ids(
        batch,
        "SELECT id FROM devices WHERE user_id = ?1 AND kind = ?2 ORDER BY seen_ms, id",
        (user, kind_number(new.kind)),
    )?;
    match new.kind {
        DeviceKind::Login if oldest.len() >= DEVICES_PER_USER_MAX => {
            let idle = oldest.iter().find(|device| !streaming.contains(device));
            if let Some(retired) = idle.or(oldest.first()).copied() {
                end_device(batch, new.user, retired)?;
                ended.push(retired);
            }
        }
        DeviceKind::Token if oldest.len() >= TOKENS_PER_USER_MAX => {
            return Ok(Err(CreateDeviceError::TooManyTokens));
        }
        DeviceKind::Login | DeviceKind::Token => {}
    }
    let connection = batch.connection();
    connection
        .prepare_cached(
            "INSERT INTO devices (user_id, token_hash, name, created_ms, seen_ms, kind, scopes, expires_ms) \
             VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            user,
            new.token.0,
            new.name.as_str(),
            new.created.milliseconds(),
            kind_number(new.kind),
            new.scopes.bits(),
            new.expires.map(TimeMs::milliseconds),
        ])?;
    let device = Device {
        id: DeviceId::new(connection.last_insert_rowid().cast_unsigned()),
        name: new.name.clone(),
        created: new.created,
        kind: new.kind,
        scopes: new.scopes,
        expires: new.expires,
    };
    Ok(Ok((device, ended)))
}

fn device_ids(
    batch: &mut Batch<'_>,
    query: &str,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<Vec<DeviceId>> {
    batch
        .connection()
        .prepare_cached(query)?
        .query_map(parameters, |row| rows::number(row, 0).map(DeviceId::new))?
        .collect()
}

/// Whether the user still has a device, and it has not expired.
fn has_device(batch: &mut Batch<'_>, new: &NewDevice, device: DeviceId) -> rusqlite::Result<bool> {
    let (device, user) = (rows::int(device.number()), rows::int(new.user.number()));
    batch
        .connection()
        .prepare_cached(
            "SELECT 1 FROM devices WHERE id = ?1 AND user_id = ?2 AND (expires_ms IS NULL OR expires_ms > ?3)",
        )?
        .exists(params![device, user, new.created.milliseconds()])
}

fn password(batch: &mut Batch<'_>, user: UserId) -> rusqlite::Result<Option<PasswordHash>> {
    let found = batch
        .connection()
        .prepare_cached("SELECT password FROM users WHERE id = ?1")?
        .query_row([rows::int(user.number())], |row| row.get(0))
        .optional()?;
    Ok(found.flatten().map(PasswordHash))
}

/// Sets another password if the old one stands, and ends all devices but the one to keep. `None`: it does not stand.
pub(super) fn set_password(
    batch: &mut Batch<'_>,
    user: UserId,
    old: &PasswordHash,
    new: &PasswordHash,
    keep: Option<DeviceId>,
) -> rusqlite::Result<Option<Vec<DeviceId>>> {
    if password(batch, user)?.as_ref() != Some(old) {
        return Ok(None);
    }
    let number = rows::int(user.number());
    batch
        .connection()
        .prepare_cached("UPDATE users SET password = ?2 WHERE id = ?1")?
        .execute(params![number, new.0])?;
    let Some(keep) = keep else {
        return Ok(Some(Vec::new()));
    };
    let others = device_ids(
        batch,
        "SELECT id FROM devices WHERE user_id = ?1 AND id <> ?2 ORDER BY id",
        (number, rows::int(keep.number())),
    )?;
    for other in &others {
        end_device(batch, user, *other)?;
    }
    Ok(Some(others))
}

/// Finds the device of a token.
pub(super) fn find_device(
    connection: &Connection,
    token: TokenHash,
) -> rusqlite::Result<Option<(User, Device)>> {
    connection
        .prepare_cached(&format!(
            "SELECT u.id, u.name, u.seen_ms, {DEVICE} FROM devices AS d \
             JOIN users AS u ON u.id = d.user_id WHERE d.token_hash = ?1"
        ))?
        .query_row([token.0], |row| Ok((user(row)?, device(row, 3)?)))
        .optional()
}

/// Lists the devices of a user.
pub(super) fn list_devices(
    connection: &Connection,
    user: UserId,
) -> rusqlite::Result<Vec<DeviceSeen>> {
    connection
        .prepare_cached(&format!(
            "SELECT d.seen_ms, {DEVICE} FROM devices AS d WHERE d.user_id = ?1 ORDER BY d.id"
        ))?
        .query_map([rows::int(user.number())], |row| {
            Ok(DeviceSeen {
                seen: TimeMs::new(row.get(0)?),
                device: device(row, 1)?,
            })
        })?
        .collect()
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

/// Ends a device of a user. False if there is none (any more).
pub(super) fn end_device(
    batch: &mut Batch<'_>,
    user: UserId,
    device: DeviceId,
) -> rusqlite::Result<bool> {
    let ended = batch
        .connection()
        .prepare_cached("DELETE FROM devices WHERE id = ?1 AND user_id = ?2")?
        .execute([device.number(), user.number()].map(rows::int))?;
    Ok(ended > 0)
}
