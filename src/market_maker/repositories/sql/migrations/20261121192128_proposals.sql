-- migrate:up
create table "public"."mm_proposals" (
    "id" bigint generated always as identity not null,
    "symbol" character varying(32) not null,
    "replaces" bigint not null,
    "changes" jsonb not null,
    "loosens" text[] not null,
    "author" text not null,
    "reason" text not null,
    "created_at" timestamp with time zone not null,
    "expires_at" timestamp with time zone not null,
    "decided_at" timestamp with time zone,
    "decided_by" text,
    "decision" text,
    "decision_reason" text
);


CREATE UNIQUE INDEX mm_proposals_pkey ON public.mm_proposals USING btree (id);

CREATE INDEX mm_proposals_symbol_idx ON public.mm_proposals USING btree (symbol, id);

alter table "public"."mm_proposals" add constraint "mm_proposals_pkey" PRIMARY KEY using index "mm_proposals_pkey";

alter table "public"."mm_proposals" add constraint "mm_proposals_check" CHECK ((num_nulls(decided_at, decided_by, decision, decision_reason) = ANY (ARRAY[0, 4]))) not valid;

alter table "public"."mm_proposals" validate constraint "mm_proposals_check";

alter table "public"."mm_proposals" add constraint "mm_proposals_decision_check" CHECK ((decision = ANY (ARRAY['APPROVED'::text, 'REJECTED'::text]))) not valid;

alter table "public"."mm_proposals" validate constraint "mm_proposals_decision_check";

-- migrate:down
alter table "public"."mm_proposals" drop constraint "mm_proposals_pkey";

alter table "public"."mm_proposals" drop constraint "mm_proposals_check";

alter table "public"."mm_proposals" drop constraint "mm_proposals_decision_check";

drop index if exists "public"."mm_proposals_pkey";

drop index if exists "public"."mm_proposals_symbol_idx";

drop table "public"."mm_proposals";
