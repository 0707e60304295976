-- migrate:up
set check_function_bodies = off;

CREATE OR REPLACE FUNCTION public.mm_configs_note_version()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
    written varchar(32) := coalesce(NEW.symbol, OLD.symbol);
    was jsonb := to_jsonb(OLD) - ARRAY['created_at', 'updated_at'];
    now_is jsonb := to_jsonb(NEW) - ARRAY['created_at', 'updated_at'];
    replaces text := nullif(current_setting('market_maker.replaces', true), '');
    present bigint;
BEGIN
    -- The lock of the configuration's row is held: nobody else counts on in between.
    SELECT coalesce(max(version), 0) INTO present FROM mm_config_versions WHERE symbol = written;
    IF replaces IS NOT NULL AND replaces::bigint <> present THEN
        RAISE EXCEPTION 'version % of % is not the present one, which is %', replaces, written, present
            USING ERRCODE = 'triggered_action_exception';
    END IF;
    IF was IS DISTINCT FROM now_is THEN
        INSERT INTO mm_config_versions (symbol, version, at, author, reason, settings)
        VALUES (
            written,
            present + 1,
            clock_timestamp(),
            coalesce(nullif(current_setting('market_maker.author', true), ''), session_user),
            coalesce(current_setting('market_maker.reason', true), ''),
            now_is
        );
    END IF;
    RETURN NULL;
END
$function$
;

CREATE OR REPLACE FUNCTION public.mm_written_by(author text, reason text, replaces bigint)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM set_config('market_maker.author', author, true);
    PERFORM set_config('market_maker.reason', reason, true);
    PERFORM set_config('market_maker.replaces', coalesce(replaces::text, ''), true);
    RETURN true;
END
$function$
;

CREATE OR REPLACE FUNCTION public.mm_config_versions_refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION 'mm_config_versions is append-only: % refused', TG_OP;
END
$function$
;

create table "public"."mm_config_versions" (
    "symbol" character varying(32) not null,
    "version" bigint not null,
    "at" timestamp with time zone not null,
    "author" text not null,
    "reason" text not null,
    "settings" jsonb
);


CREATE TRIGGER mm_config_versions_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.mm_config_versions FOR EACH STATEMENT EXECUTE FUNCTION mm_config_versions_refuse_change();

CREATE TRIGGER mm_configs_versions AFTER INSERT OR DELETE OR UPDATE ON public.mm_configs FOR EACH ROW EXECUTE FUNCTION mm_configs_note_version();

CREATE UNIQUE INDEX mm_config_versions_pkey ON public.mm_config_versions USING btree (symbol, version);

alter table "public"."mm_config_versions" add constraint "mm_config_versions_pkey" PRIMARY KEY using index "mm_config_versions_pkey";

alter table "public"."mm_config_versions" add constraint "mm_config_versions_version_check" CHECK ((version > 0)) not valid;

alter table "public"."mm_config_versions" validate constraint "mm_config_versions_version_check";

-- What is configured now is each symbol's first version.
INSERT INTO mm_config_versions (symbol, version, at, author, reason, settings)
SELECT symbol, 1, updated_at, session_user, 'configured before versions were kept',
    to_jsonb(mm_configs) - ARRAY['created_at', 'updated_at']
FROM mm_configs;

-- migrate:down
drop trigger if exists "mm_config_versions_append_only" on "public"."mm_config_versions";

drop trigger if exists "mm_configs_versions" on "public"."mm_configs";

alter table "public"."mm_config_versions" drop constraint "mm_config_versions_pkey";

alter table "public"."mm_config_versions" drop constraint "mm_config_versions_version_check";

drop index if exists "public"."mm_config_versions_pkey";

drop table "public"."mm_config_versions";

drop function if exists "public"."mm_configs_note_version"();

drop function if exists "public"."mm_written_by"(author text, reason text, replaces bigint);

drop function if exists "public"."mm_config_versions_refuse_change"();
