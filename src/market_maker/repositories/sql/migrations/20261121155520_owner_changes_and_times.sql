-- migrate:up
set check_function_bodies = off;

CREATE OR REPLACE FUNCTION public.mm_owners_note_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    NEW.changed_in := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END
$function$
;

alter table "public"."mm_owners" add column "changed_in" bigint not null default 0;

CREATE TRIGGER mm_owners_changed BEFORE INSERT OR UPDATE ON public.mm_owners FOR EACH ROW EXECUTE FUNCTION mm_owners_note_change();

CREATE INDEX mm_fills_executed_idx ON public.mm_fills USING btree (symbol, executed_at);

CREATE INDEX mm_orders_created_idx ON public.mm_orders USING btree (symbol, created_at);

CREATE INDEX mm_owners_changed_idx ON public.mm_owners USING btree (changed_in);

CREATE INDEX outbox_created_idx ON public.outbox USING btree (symbol, created_at);

-- migrate:down
drop trigger if exists "mm_owners_changed" on "public"."mm_owners";

drop index if exists "public"."mm_fills_executed_idx";

drop index if exists "public"."mm_orders_created_idx";

drop index if exists "public"."mm_owners_changed_idx";

drop index if exists "public"."outbox_created_idx";

alter table "public"."mm_owners" drop column "changed_in";

drop function if exists "public"."mm_owners_note_change"();
