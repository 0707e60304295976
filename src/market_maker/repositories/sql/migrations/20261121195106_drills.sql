-- migrate:up
create table "public"."mm_drills" (
    "id" bigint generated always as identity not null,
    "symbol" character varying(32) not null,
    "actor" text not null,
    "reason" text not null,
    "state_before" text not null,
    "open_orders" integer not null,
    "shadow_mode" boolean not null,
    "triggered_at" timestamp with time zone not null,
    "halted_us" bigint,
    "proven_zero_us" bigint
);


CREATE UNIQUE INDEX mm_drills_pkey ON public.mm_drills USING btree (id);

alter table "public"."mm_drills" add constraint "mm_drills_pkey" PRIMARY KEY using index "mm_drills_pkey";

-- migrate:down
alter table "public"."mm_drills" drop constraint "mm_drills_pkey";

drop index if exists "public"."mm_drills_pkey";

drop table "public"."mm_drills";
