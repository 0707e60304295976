-- migrate:up
create table "public"."mm_quoting_time" (
    "symbol" character varying(32) not null,
    "at" timestamp with time zone not null,
    "reason" text not null,
    "spent_us" bigint not null
);


CREATE UNIQUE INDEX mm_quoting_time_pkey ON public.mm_quoting_time USING btree (symbol, at, reason);

alter table "public"."mm_quoting_time" add constraint "mm_quoting_time_pkey" PRIMARY KEY using index "mm_quoting_time_pkey";

alter table "public"."mm_quoting_time" add constraint "mm_quoting_time_spent_us_check" CHECK ((spent_us > 0)) not valid;

alter table "public"."mm_quoting_time" validate constraint "mm_quoting_time_spent_us_check";

-- migrate:down
alter table "public"."mm_quoting_time" drop constraint "mm_quoting_time_pkey";

alter table "public"."mm_quoting_time" drop constraint "mm_quoting_time_spent_us_check";

drop index if exists "public"."mm_quoting_time_pkey";

drop table "public"."mm_quoting_time";
