//! Roles and members: Postgres decides by the rules of `zygo_core::access::hierarchy`, for every actor, target and role.

use zygo_core::{
    access::{
        DefaultRole, Permission, PermissionSet,
        hierarchy::{Rank, may_act_on, may_assign, may_compose},
    },
    events::event,
    gate::Revocation,
    id::{RoleId, UserId},
};
use zygo_store::access::{self, Composed, NewRole, RoleEdit, Verdict};

use crate::{
    access::Team,
    harness::{new_id, now, one_trip, with_db},
};

fn new_role(level: i16, permissions: PermissionSet) -> NewRole {
    let id: RoleId = new_id();
    NewRole { id, key: format!("r{}", id.uuid().simple()), name: "A role".into(), description: None, level, permissions }
}

#[test]
fn every_actor_every_target_every_role() {
    with_db(async |db| {
        let team = Team::new(db).await;
        let (actor, target) = (team.member("ada", "viewer").await, team.member("eve", "viewer").await);
        for own in DefaultRole::ALL {
            team.give(actor, own.key()).await;
            for held in DefaultRole::ALL {
                for given in DefaultRole::ALL {
                    team.give(target, held.key()).await;
                    let verdict =
                        one_trip(&team.app, access::set_role(&team.app, &team.scope(actor), target, given.key(), None, now())).await.unwrap();
                    let allowed = may_assign(Rank::of(own), held.level(), given.level()).is_ok();
                    match verdict {
                        Verdict::Done(row, told) => {
                            assert!(allowed && row.role.key == given.key());
                            let stale = if held == given { Vec::new() } else { vec![Revocation::UserPermissions(target)] };
                            assert_eq!(told, stale);
                        }
                        Verdict::TooHigh => assert!(!allowed),
                        other => panic!("{other:?}"),
                    }
                }
                team.give(target, held.key()).await;
                let allowed = may_act_on(Rank::of(own), held.level()).is_ok();
                for active in [false, true] {
                    let verdict = one_trip(&team.app, access::set_status(&team.app, &team.scope(actor), target, active, now())).await.unwrap();
                    assert_eq!(matches!(verdict, Verdict::Done(..)), allowed, "{} on {}", own.key(), held.key());
                }
            }
        }
    });
}

#[test]
fn every_composition_of_every_actor() {
    with_db(async |db| {
        let team = Team::new(db).await;
        team.superuser.execute("UPDATE tenants SET plan = 'enterprise' WHERE id = $1", &[&team.tenant.uuid()]).await.unwrap();
        let actor = team.member("ada", "viewer").await;
        let sets = [
            PermissionSet::EMPTY,
            PermissionSet::EMPTY.with(Permission::OrgView),
            PermissionSet::EMPTY.with(Permission::OrgView).with(Permission::OrgDelete),
            PermissionSet::EMPTY.with(Permission::AiLlmUse),
            PermissionSet::ALL,
        ];
        for own in DefaultRole::ALL {
            team.give(actor, own.key()).await;
            for level in [1, 9, 10, 20, 39, 40, 60, 79, 80, 99] {
                for set in sets {
                    let outcome =
                        one_trip(&team.app, access::create_role(&team.app, &team.scope(actor), &new_role(level, set), now())).await.unwrap();
                    let allowed = may_compose(Rank::of(own), level, set);
                    match outcome {
                        Composed::Done(Some(role), _) => assert!(allowed.is_ok() && role.permissions == set && role.level == level),
                        Composed::TooHigh | Composed::NotHeld => assert!(allowed.is_err(), "{} {level} {set:?}", own.key()),
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    });
}

#[test]
fn a_change_tells_whose_tokens_are_stale() {
    with_db(async |db| {
        let team = Team::new(db).await;
        team.superuser.execute("UPDATE tenants SET plan = 'enterprise' WHERE id = $1", &[&team.tenant.uuid()]).await.unwrap();
        let scope = team.scope(team.owner);
        let new = new_role(30, PermissionSet::EMPTY.with(Permission::OrgView));
        assert!(matches!(access::create_role(&team.app, &scope, &new, now()).await.unwrap(), Composed::Done(..)));
        let edit = async |edit: RoleEdit| match one_trip(&team.app, access::edit_role(&team.app, &scope, new.id, &edit, now())).await.unwrap() {
            Composed::Done(Some(role), told) => (role, told),
            other => panic!("{other:?}"),
        };
        let add = |permission: Permission| RoleEdit { add: PermissionSet::EMPTY.with(permission), ..RoleEdit::default() };
        assert!(edit(add(Permission::DnsView)).await.1.is_empty(), "nobody holds it");
        let holder = team.member("ada", &new.key).await;
        let (role, told) = edit(add(Permission::UsersView)).await;
        assert_eq!((role.permissions.len(), told), (3, vec![Revocation::UserPermissions(holder)]));
        assert!(edit(add(Permission::UsersView)).await.1.is_empty(), "it held that already");
        let mut many: Vec<UserId> = Vec::new();
        for n in 0..51 {
            many.push(team.member(&format!("p{n}"), &new.key).await);
        }
        assert_eq!(edit(add(Permission::ServersView)).await.1, [Revocation::Permissions], "too many to name");
        let owed = "SELECT count(*) FROM outbox WHERE kind = 'gate.revoke'";
        assert_eq!(team.superuser.query_one(owed, &[]).await.unwrap().get::<_, i64>(0), 2);
        let rows = team.superuser.query("SELECT type, data FROM events WHERE type LIKE 'role.%'", &[]).await.unwrap();
        assert!(rows.len() == 5 && rows.iter().all(|row| event::fits(row.get(0), &row.get(1))));
        assert!(matches!(access::delete_role(&team.app, &scope, new.id, None, now()).await.unwrap(), Composed::Used));
    });
}

#[test]
fn whoever_is_shut_out_has_no_session_left() {
    with_db(async |db| {
        let team = Team::new(db).await;
        let (one, two) = (team.member("ada", "member").await, team.member("eve", "member").await);
        let sessions = [team.signed_in(one).await, team.signed_in(two).await];
        let scope = team.scope(team.owner);
        let Verdict::Done((row, ended), told) = access::set_status(&team.app, &scope, one, false, now()).await.unwrap() else { panic!("not done") };
        assert_eq!((row.status.as_str(), ended.sessions, told), ("suspended", vec![sessions[0]], vec![Revocation::User(one)]));
        let Verdict::Done(ended, told) = one_trip(&team.app, access::remove_member(&team.app, &scope, two, None, now())).await.unwrap() else {
            panic!("not done")
        };
        assert_eq!((ended.sessions, told), (vec![sessions[1]], vec![Revocation::User(two)]));
        let kinds = "SELECT kind, count(*) FROM outbox WHERE kind IN ('sessions.end', 'gate.revoke') GROUP BY 1 ORDER BY 1";
        let owed = team.superuser.query(kinds, &[]).await.unwrap();
        let owed: Vec<(&str, i64)> = owed.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(owed, [("gate.revoke", 2), ("sessions.end", 2)]);
        let jobs = team.superuser.query("SELECT kind, payload FROM outbox WHERE kind IN ('sessions.end', 'gate.revoke')", &[]).await.unwrap();
        assert!(jobs.iter().all(|row| zygo_core::events::job::Job::decode(row.get(0), &row.get(1)).is_some()));
    });
}
