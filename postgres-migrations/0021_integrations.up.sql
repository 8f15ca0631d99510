-- A member's connections to drives elsewhere: whose they are, the sealed tokens, and when these must be renewed.

CREATE TABLE integrations (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  provider text NOT NULL CHECK (provider IN ('google_drive', 'onedrive', 'dropbox')),
  -- active; broken: the provider takes the refresh token no longer; ending: to be revoked there, then forgotten.
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'broken', 'ending')),
  -- Access and refresh token, sealed by the application for this tenant, user and provider.
  tokens_sealed text NOT NULL,
  expires_at timestamptz NOT NULL,
  -- When the next renewal is owed; moved on when it is, so that no two are owed at once.
  renew_at timestamptz NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id)
);
CREATE INDEX integrations_user ON integrations (user_id);
-- One at a time; those that are ending wait for their revocation beside it.
CREATE UNIQUE INDEX integrations_live ON integrations (tenant_id, user_id, provider) WHERE status <> 'ending';
CREATE INDEX integrations_due ON integrations (renew_at) WHERE status = 'active';
-- Renewed tokens are no change that anybody sees.
CREATE TRIGGER touch BEFORE UPDATE OF status ON integrations FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON integrations FOR EACH ROW
  EXECUTE FUNCTION audit_change('tokens_sealed', 'expires_at', 'renew_at');
-- Each member's own, in the tenant that they were connected in.
CALL protect_table('integrations', 'tenant_id = app_tenant_id() AND user_id = app_user_id()',
  'tenant_id = app_tenant_id() AND user_id = app_user_id()');
GRANT SELECT, INSERT, UPDATE (status, tokens_sealed, expires_at, renew_at, updated_at) ON integrations TO zygo_app;
GRANT SELECT, UPDATE, DELETE ON integrations TO zygo_platform;
CALL open_to_lookup('integrations', 'SELECT', 'id, tenant_id');

-- Whether the context's session is still going on, with an active membership, for what it began before it went to a provider.
CREATE FUNCTION own_session_goes_on(own_session uuid, at timestamptz) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM sessions s JOIN users u ON u.id = s.user_id
    JOIN user_roles m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
    WHERE s.id = own_session AND s.user_id = app_user_id() AND s.tenant_id = app_tenant_id() AND s.ended_at IS NULL
      AND s.expires_at > at AND u.status = 'active' AND m.status = 'active')
$$;
CALL give_to_lookup('own_session_goes_on(uuid, timestamptz)', 'zygo_app');
