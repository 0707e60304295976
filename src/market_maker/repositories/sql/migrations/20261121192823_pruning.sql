-- migrate:up
set check_function_bodies = off;

CREATE OR REPLACE FUNCTION public.mm_audit_refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('market_maker.prunes_audit', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'mm_audit is append-only: % refused', TG_OP;
END
$function$
;

create table "public"."mm_pruned" (
    "symbol" character varying(32) not null,
    "last_fill_id" bigint not null,
    "executed_until" timestamp with time zone not null,
    "fold" jsonb not null,
    "pruned_at" timestamp with time zone not null
);


CREATE UNIQUE INDEX mm_pruned_pkey ON public.mm_pruned USING btree (symbol);

alter table "public"."mm_pruned" add constraint "mm_pruned_pkey" PRIMARY KEY using index "mm_pruned_pkey";

alter table "public"."mm_pruned" add constraint "mm_pruned_last_fill_id_check" CHECK ((last_fill_id > 0)) not valid;

alter table "public"."mm_pruned" validate constraint "mm_pruned_last_fill_id_check";

-- migrate:down
alter table "public"."mm_pruned" drop constraint "mm_pruned_pkey";

alter table "public"."mm_pruned" drop constraint "mm_pruned_last_fill_id_check";

drop index if exists "public"."mm_pruned_pkey";

set check_function_bodies = off;

CREATE OR REPLACE FUNCTION public.mm_audit_refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION 'mm_audit is append-only: % refused', TG_OP;
END
$function$
;

drop table "public"."mm_pruned";
