-- migrate:up
create table "public"."mm_presence" (
    "symbol" character varying(32) not null,
    "programme" text not null,
    "tier" text not null,
    "from_at" timestamp with time zone not null,
    "until_at" timestamp with time zone not null,
    "present_us" bigint not null,
    "minutes" integer not null,
    "samples" integer not null
);


alter table "public"."mm_fills" add column "counted_at" timestamp with time zone;

alter table "public"."mm_orders" add column "ended_at" timestamp with time zone;

alter table "public"."mm_orders" add column "rested_at" timestamp with time zone;

CREATE UNIQUE INDEX mm_presence_pkey ON public.mm_presence USING btree (symbol, programme, tier, from_at);

alter table "public"."mm_presence" add constraint "mm_presence_pkey" PRIMARY KEY using index "mm_presence_pkey";

alter table "public"."mm_presence" add constraint "mm_presence_check" CHECK ((until_at >= from_at)) not valid;

alter table "public"."mm_presence" validate constraint "mm_presence_check";

alter table "public"."mm_presence" add constraint "mm_presence_minutes_check" CHECK ((minutes >= 0)) not valid;

alter table "public"."mm_presence" validate constraint "mm_presence_minutes_check";

alter table "public"."mm_presence" add constraint "mm_presence_present_us_check" CHECK ((present_us >= 0)) not valid;

alter table "public"."mm_presence" validate constraint "mm_presence_present_us_check";

alter table "public"."mm_presence" add constraint "mm_presence_samples_check" CHECK ((samples >= 0)) not valid;

alter table "public"."mm_presence" validate constraint "mm_presence_samples_check";

-- migrate:down
alter table "public"."mm_presence" drop constraint "mm_presence_pkey";

alter table "public"."mm_presence" drop constraint "mm_presence_check";

alter table "public"."mm_presence" drop constraint "mm_presence_minutes_check";

alter table "public"."mm_presence" drop constraint "mm_presence_present_us_check";

alter table "public"."mm_presence" drop constraint "mm_presence_samples_check";

drop index if exists "public"."mm_presence_pkey";

drop table "public"."mm_presence";

alter table "public"."mm_fills" drop column "counted_at";

alter table "public"."mm_orders" drop column "ended_at";

alter table "public"."mm_orders" drop column "rested_at";
