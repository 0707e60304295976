-- migrate:up
alter table "public"."mm_markouts" add column "recorded_at" timestamp with time zone not null default now();

CREATE INDEX mm_markouts_recorded_idx ON public.mm_markouts USING btree (symbol, recorded_at);

-- migrate:down
drop index if exists "public"."mm_markouts_recorded_idx";

alter table "public"."mm_markouts" drop column "recorded_at";
