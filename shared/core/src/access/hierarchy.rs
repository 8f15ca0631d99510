//! Who may act on whom, and who may give what: the whole of it, pure.
//!
//! Two rules. **Hierarchy**: nobody assigns, edits, suspends or removes a role or person at or above their own level, but owners
//! do so to owners. **Holding**: nobody puts a permission into a role that their own role does not hold. Postgres decides with
//! the rows as they are at that moment, by the same rules; a test holds the two together.

use super::{
    catalogue::Permission,
    role::{DefaultRole, may_create_level, outranks},
    set::PermissionSet,
};

/// What somebody's role makes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// Level in the hierarchy.
    pub level: i16,
    /// What the role permits.
    pub permissions: PermissionSet,
}

impl Rank {
    /// The rank of a default role.
    #[must_use]
    pub fn of(role: DefaultRole) -> Self {
        Self { level: role.level(), permissions: role.permissions() }
    }
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A role or person at or above one's own level.
    Hierarchy,
    /// A permission that one's own role does not hold; the first of them.
    NotHeld(Permission),
}

/// Whether somebody may suspend, activate or remove a person, or edit or delete a role, of a level.
///
/// # Errors
/// `Hierarchy`.
pub const fn may_act_on(actor: Rank, target_level: i16) -> Result<(), Refusal> {
    if outranks(actor.level, target_level) { Ok(()) } else { Err(Refusal::Hierarchy) }
}

/// Whether somebody may give a person of a level another role. The role's permissions need not be held: whoever composed it has
/// said by its level who may hand it on.
///
/// # Errors
/// `Hierarchy`.
pub const fn may_assign(actor: Rank, person_level: i16, role_level: i16) -> Result<(), Refusal> {
    if outranks(actor.level, person_level) && outranks(actor.level, role_level) { Ok(()) } else { Err(Refusal::Hierarchy) }
}

/// Whether somebody may have a custom role be of a level and hold these permissions.
///
/// # Errors
/// `Hierarchy`, `NotHeld`.
pub fn may_compose(actor: Rank, level: i16, permissions: PermissionSet) -> Result<(), Refusal> {
    if !may_create_level(actor.level, level) {
        return Err(Refusal::Hierarchy);
    }
    match permissions.iter().find(|permission| !actor.permissions.contains(*permission)) {
        None => Ok(()),
        Some(permission) => Err(Refusal::NotHeld(permission)),
    }
}

/// Keys of the default roles that hold a permission: their permissions are code, so Postgres is told.
#[must_use]
pub fn default_roles_with(permission: Permission) -> Vec<&'static str> {
    default_roles_covering(PermissionSet::EMPTY.with(permission))
}

/// Keys of the default roles that hold every one of these permissions.
#[must_use]
pub fn default_roles_covering(permissions: PermissionSet) -> Vec<&'static str> {
    DefaultRole::ALL.into_iter().filter(|role| role.permissions().contains_all(permissions)).map(DefaultRole::key).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::access::role::OWNER_LEVEL;

    fn rank() -> impl Strategy<Value = Rank> {
        (1_i16..=100, any::<u128>()).prop_map(|(level, bits)| Rank {
            level,
            permissions: if level == OWNER_LEVEL { PermissionSet::ALL } else { PermissionSet::from_bits(bits) },
        })
    }

    proptest! {
        #[test]
        fn nobody_acts_upwards(actor in rank(), level in 1_i16..=100) {
            let allowed = may_act_on(actor, level).is_ok();
            prop_assert_eq!(allowed, level < actor.level || (actor.level == OWNER_LEVEL && level == OWNER_LEVEL));
        }

        #[test]
        fn assigning_takes_both_levels(actor in rank(), person in 1_i16..=100, role in 1_i16..=100) {
            let both = may_act_on(actor, person).is_ok() && may_act_on(actor, role).is_ok();
            prop_assert_eq!(may_assign(actor, person, role).is_ok(), both);
        }

        /// However roles are composed and handed on, nobody comes to hold what nobody above them held.
        #[test]
        fn what_is_composed_is_less_than_its_composer(actor in rank(), level in -5_i16..=105, bits in any::<u128>()) {
            let wanted = PermissionSet::from_bits(bits);
            match may_compose(actor, level, wanted) {
                Ok(()) => prop_assert!(level >= 1 && level < actor.level && actor.permissions.contains_all(wanted)),
                Err(Refusal::Hierarchy) => prop_assert!(level < 1 || level >= actor.level),
                Err(Refusal::NotHeld(one)) => prop_assert!(wanted.contains(one) && !actor.permissions.contains(one)),
            }
        }

        #[test]
        fn chains_of_composition_only_lose(first in rank(), steps in proptest::collection::vec((1_i16..=100, any::<u128>()), 0..8)) {
            let mut holder = first;
            for (level, bits) in steps {
                let permissions = PermissionSet::from_bits(bits);
                if may_compose(holder, level, permissions).is_ok() {
                    holder = Rank { level, permissions };
                }
            }
            prop_assert!(first.permissions.contains_all(holder.permissions) && holder.level <= first.level);
        }

        #[test]
        fn the_roles_that_cover_a_set_are_those_that_hold_it(bits in any::<u128>()) {
            let set = PermissionSet::from_bits(bits);
            let named = default_roles_covering(set);
            for role in DefaultRole::ALL {
                prop_assert_eq!(named.contains(&role.key()), role.permissions().contains_all(set));
            }
            prop_assert!(named.contains(&"owner"));
        }
    }

    #[test]
    fn every_pair_of_default_roles() {
        for actor in DefaultRole::ALL {
            for target in DefaultRole::ALL {
                let expected = actor.level() > target.level() || (actor == DefaultRole::Owner && target == DefaultRole::Owner);
                assert_eq!(may_act_on(Rank::of(actor), target.level()).is_ok(), expected, "{} on {}", actor.key(), target.key());
            }
        }
    }

    #[test]
    fn whoever_holds_a_permission_is_named() {
        assert_eq!(default_roles_with(Permission::UsersRemove), ["owner", "admin"]);
        assert_eq!(default_roles_with(Permission::OrgDelete), ["owner"]);
        assert_eq!(default_roles_with(Permission::UsersView).len(), 6);
    }
}
