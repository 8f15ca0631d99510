-- Enterprise sign-on: the mail domains that a tenant has proved to be its own, whom a sign-on leads to, and the rule that a
-- domain's people sign in no other way.

-- A connection claims domains in a table of its own. `config` is the provider (by kind); `attributes` names what it calls
-- mail address, names and roles; `role_mappings` is a list of {value, role_id}.
DROP INDEX sso_connections_domain;
ALTER TABLE sso_connections DROP COLUMN mail_domain,
  ADD COLUMN attributes jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN role_mappings jsonb NOT NULL DEFAULT '[]',
  ADD CHECK (jsonb_typeof(role_mappings) = 'array');
GRANT SELECT ON sso_connections TO zygo_lookup;

CREATE TABLE sso_domains (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  connection_id uuid NOT NULL,
  domain text NOT NULL CHECK (domain = lower(domain) AND length(domain) BETWEEN 3 AND 253),
  -- What the DNS record must say; no secret, the whole world reads it there.
  token text NOT NULL CHECK (length(token) BETWEEN 16 AND 64),
  verified_at timestamptz,
  sign_on_required boolean NOT NULL DEFAULT false,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, domain),
  FOREIGN KEY (tenant_id, connection_id) REFERENCES sso_connections (tenant_id, id) ON DELETE CASCADE,
  CHECK (verified_at IS NOT NULL OR NOT sign_on_required)
);
CREATE INDEX sso_domains_connection ON sso_domains (tenant_id, connection_id);
-- Whoever proves a domain has it; a mere claim reserves nothing.
CREATE UNIQUE INDEX sso_domains_verified ON sso_domains (domain) WHERE verified_at IS NOT NULL;
CREATE TRIGGER touch BEFORE UPDATE ON sso_domains FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON sso_domains FOR EACH ROW EXECUTE FUNCTION audit_change('token');

-- Whom a connection's provider means by a subject.
CREATE TABLE sso_identities (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  connection_id uuid NOT NULL,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 1024),
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  UNIQUE (connection_id, subject),
  UNIQUE (connection_id, user_id),
  FOREIGN KEY (tenant_id, connection_id) REFERENCES sso_connections (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX sso_identities_connection ON sso_identities (tenant_id, connection_id);
CREATE INDEX sso_identities_user ON sso_identities (user_id);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON sso_identities FOR EACH ROW EXECUTE FUNCTION audit_change();

CALL protect_tenant_table('sso_domains');
CALL protect_tenant_table('sso_identities');
GRANT SELECT, INSERT, UPDATE, DELETE ON sso_domains TO zygo_app;
GRANT SELECT, DELETE ON sso_identities TO zygo_app;
GRANT SELECT, DELETE ON sso_domains, sso_identities TO zygo_platform;
CALL open_to_lookup('sso_domains', 'SELECT');
CALL open_to_lookup('sso_identities', 'SELECT');
CALL open_to_lookup('sso_identities', 'INSERT');
CALL open_to_lookup('sso_identities', 'UPDATE', 'subject');

-- What a sign-on must know of its connection, before anybody is known. None where it is switched off or its tenant is gone.
CREATE FUNCTION find_connection(wanted uuid) RETURNS TABLE (
  tenant_id uuid, kind text, config jsonb, secret_sealed bytea, attributes jsonb, role_mappings jsonb, plan text, features jsonb
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT c.tenant_id, c.kind, c.config, c.secret_sealed, c.attributes, c.role_mappings, t.plan, (
    SELECT coalesce(jsonb_object_agg(f.feature, f.value), '{}') FROM tenant_features f
    WHERE f.tenant_id = t.id AND f.feature IN ('sso', 'members') AND (f.expires_at IS NULL OR f.expires_at > now()))
  FROM sso_connections c JOIN tenants t ON t.id = c.tenant_id
  WHERE c.id = wanted AND c.enabled AND t.status IN ('active', 'suspended')
$$;
GRANT SELECT (feature, value, expires_at) ON tenant_features TO zygo_lookup;
CALL give_to_lookup('find_connection(uuid)', 'zygo_app');

-- The connection that a mail domain's people sign on with.
CREATE FUNCTION discover_connection(mail_domain text) RETURNS TABLE (id uuid, kind text, name text, sign_on_required boolean)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT c.id, c.kind, c.name, d.sign_on_required
  FROM sso_domains d JOIN sso_connections c ON c.id = d.connection_id JOIN tenants t ON t.id = c.tenant_id
  WHERE d.domain = mail_domain AND d.verified_at IS NOT NULL AND c.enabled AND t.status IN ('active', 'suspended')
$$;
CALL give_to_lookup('discover_connection(text)', 'zygo_app');

-- Gives somebody a membership: the highest of the roles, none of them an owner's, else the one given as default, else
-- 'member'. False where the plan has no room. The tenant's row is locked, so that two do not take the last place.
CREATE FUNCTION provision_member(tenant uuid, who uuid, roles_wanted uuid[], default_role uuid, room bigint, row_id uuid,
  at timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM FROM tenants t WHERE t.id = tenant FOR NO KEY UPDATE;
  IF room <= (SELECT count(*) FROM user_roles m WHERE m.tenant_id = tenant) THEN
    RETURN false;
  END IF;
  INSERT INTO user_roles (id, tenant_id, user_id, role_id, created_at, updated_at)
    SELECT row_id, tenant, who, r.id, at, at FROM roles r
    WHERE r.tenant_id = tenant AND r.level < 100
      AND (r.id = ANY (roles_wanted) OR r.id = default_role OR r.is_default AND r.key = 'member')
    ORDER BY r.id = ANY (roles_wanted) DESC, coalesce(r.id = default_role, false) DESC, r.level DESC LIMIT 1;
  INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
    SELECT make_uuid_v7(at), tenant, 'member.provisioned', jsonb_build_object('user_id', who, 'role_id', m.role_id), who,
      app_request_id(), at FROM user_roles m WHERE m.id = row_id;
  RETURN true;
END $$;
CALL give_to_lookup('provision_member(uuid, uuid, uuid[], uuid, bigint, uuid, timestamptz)', 'zygo_lookup');

-- Whom a verified sign-on leads to. A provider speaks for the addresses of its connection's verified domains and for no
-- others: neither does it name one, nor reach an account whose address is elsewhere by now. Outcomes: known; linked (an
-- account of that address, from now on); provisioned (a new account); foreign (not an address of its domains), stranger (no
-- account or membership, and none is to be made), full (the plan has no room). A profile comes with the first three.
CREATE FUNCTION sign_on(connection uuid, its_subject text, its_email text, given_name text, family_name text, new_locale text,
  roles_wanted uuid[], room bigint, new_user_id uuid, new_membership_id uuid, new_identity_id uuid, at timestamptz)
  RETURNS TABLE (outcome text, profile user_profiles, membership memberships)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  link sso_connections;
  account users;
BEGIN
  SELECT c.* INTO link FROM sso_connections c WHERE c.id = connection AND c.enabled;
  outcome := 'foreign';
  -- Two first sign-ons of one person make one account.
  PERFORM pg_advisory_xact_lock(hashtextextended(its_email, 17));
  SELECT u.* INTO account FROM sso_identities i JOIN users u ON u.id = i.user_id
    WHERE i.connection_id = link.id AND i.subject = its_subject;
  IF FOUND THEN
    outcome := 'known';
  ELSE
    SELECT u.* INTO account FROM users u WHERE u.email = its_email;
    outcome := CASE WHEN FOUND THEN 'linked' WHEN link.provision THEN 'provisioned' ELSE 'stranger' END;
  END IF;
  IF (SELECT count(*) FROM sso_domains d WHERE d.connection_id = link.id AND d.verified_at IS NOT NULL
      AND d.domain IN (split_part(its_email, '@', 2), split_part(coalesce(account.email, its_email), '@', 2)))
    < (SELECT count(DISTINCT split_part(a, '@', 2)) FROM unnest(ARRAY[its_email, coalesce(account.email, its_email)]) a) THEN
    outcome := 'foreign';
  END IF;
  IF outcome IN ('foreign', 'stranger') THEN
    RETURN NEXT;
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM user_roles m WHERE m.tenant_id = link.tenant_id AND m.user_id = coalesce(account.id, new_user_id)) THEN
    IF NOT link.provision THEN
      outcome := 'stranger';
      RETURN NEXT;
      RETURN;
    END IF;
    IF outcome = 'provisioned' THEN
      INSERT INTO users (id, email, email_verified_at, first_name, last_name, locale, created_at, updated_at)
        VALUES (new_user_id, its_email, at, given_name, family_name, new_locale, at, at) RETURNING * INTO account;
      INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
        SELECT make_uuid_v7(at), '00000000-0000-0000-0000-000000000000', kind, jsonb_build_object('user_id', new_user_id),
          new_user_id, app_request_id(), at FROM unnest(ARRAY['user.signed_up', 'user.email_verified']) kind;
    END IF;
    IF NOT provision_member(link.tenant_id, account.id, roles_wanted, link.default_role_id, room, new_membership_id, at) THEN
      -- A new account without a place is none: the caller rolls back.
      RAISE check_violation USING CONSTRAINT = 'members_full', MESSAGE = 'the plan has no room for another member';
    END IF;
  END IF;
  IF account.email_verified_at IS NULL THEN
    -- Somebody signed up with the address and never proved it: the domain's owner just did, and what the other one chose as
    -- a password must not open the account.
    UPDATE users u SET email_verified_at = at, password_hash = NULL, updated_at = at WHERE u.id = account.id;
    INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
      VALUES (make_uuid_v7(at), '00000000-0000-0000-0000-000000000000', 'user.email_verified',
        jsonb_build_object('user_id', account.id), account.id, app_request_id(), at);
  END IF;
  IF outcome <> 'known' THEN
    -- A provider that makes a person anew gives them a new subject.
    INSERT INTO sso_identities (id, tenant_id, connection_id, user_id, subject, created_at)
      VALUES (new_identity_id, link.tenant_id, link.id, account.id, its_subject, at)
      ON CONFLICT (connection_id, user_id) DO UPDATE SET subject = excluded.subject;
  END IF;
  SELECT p.* INTO profile FROM user_profiles p WHERE p.id = account.id;
  SELECT m.* INTO membership FROM memberships m WHERE m.member_id = account.id AND m.tenant_id = link.tenant_id;
  RETURN NEXT;
END $$;
CALL give_to_lookup('sign_on(uuid, text, text, text, text, text, uuid[], bigint, uuid, uuid, uuid, timestamptz)', 'zygo_app');

-- Where sign-on is required, a session begins by sign-on, however many other ways in there are or will be. The one
-- exception breaks the glass: an owner of the tenant that requires it, with a second factor.
CREATE FUNCTION require_sign_on() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  required uuid;
BEGIN
  IF NEW.amr @> ARRAY['sso'] THEN
    RETURN NEW;
  END IF;
  SELECT c.id INTO required
    FROM users u
    JOIN sso_domains d ON d.domain = split_part(u.email, '@', 2) AND d.verified_at IS NOT NULL AND d.sign_on_required
    JOIN sso_connections c ON c.id = d.connection_id AND c.enabled
    WHERE u.id = NEW.user_id AND NOT (NEW.amr && ARRAY['mfa', 'otp', 'sms', 'hwk', 'swk'] AND EXISTS (
      SELECT FROM user_roles m JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id
      WHERE m.tenant_id = d.tenant_id AND m.user_id = u.id AND m.status = 'active' AND r.is_default AND r.key = 'owner'));
  IF required IS NOT NULL THEN
    RAISE check_violation USING CONSTRAINT = 'sign_on_required', MESSAGE = 'this person must sign on';
  END IF;
  RETURN NEW;
END $$;
CALL give_to_lookup('require_sign_on()', 'zygo_owner');
CREATE TRIGGER sign_on BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION require_sign_on();
