-- migrate:up
create table "public"."mm_instances" (
    "instance_id" text not null,
    "beat" bigint not null,
    "started_at" timestamp with time zone not null,
    "seen_at" timestamp with time zone not null
);


create table "public"."mm_kill_orders" (
    "id" uuid not null,
    "symbol" character varying(32) not null,
    "actor" text not null,
    "reason" text not null,
    "asked_at" timestamp with time zone not null,
    "done_at" timestamp with time zone
);


create table "public"."mm_owners" (
    "symbol" character varying(32) not null,
    "epoch" bigint not null,
    "instance_id" text,
    "claimed_at" timestamp with time zone not null,
    "released_at" timestamp with time zone,
    "resume" boolean not null default false
);


alter table "public"."mm_configs" add column "resume_on_clean_handover" boolean not null default false;

CREATE UNIQUE INDEX mm_instances_pkey ON public.mm_instances USING btree (instance_id);

CREATE INDEX mm_kill_orders_open_idx ON public.mm_kill_orders USING btree (symbol) WHERE (done_at IS NULL);

CREATE UNIQUE INDEX mm_kill_orders_pkey ON public.mm_kill_orders USING btree (id);

CREATE INDEX mm_owners_instance_idx ON public.mm_owners USING btree (instance_id);

CREATE UNIQUE INDEX mm_owners_pkey ON public.mm_owners USING btree (symbol);

alter table "public"."mm_instances" add constraint "mm_instances_pkey" PRIMARY KEY using index "mm_instances_pkey";

alter table "public"."mm_kill_orders" add constraint "mm_kill_orders_pkey" PRIMARY KEY using index "mm_kill_orders_pkey";

alter table "public"."mm_owners" add constraint "mm_owners_pkey" PRIMARY KEY using index "mm_owners_pkey";

alter table "public"."mm_owners" add constraint "mm_owners_check" CHECK (((released_at IS NULL) OR (instance_id IS NULL))) not valid;

alter table "public"."mm_owners" validate constraint "mm_owners_check";

alter table "public"."mm_owners" add constraint "mm_owners_check1" CHECK (((released_at IS NOT NULL) OR (NOT resume))) not valid;

alter table "public"."mm_owners" validate constraint "mm_owners_check1";

alter table "public"."mm_owners" add constraint "mm_owners_epoch_check" CHECK ((epoch > 0)) not valid;

alter table "public"."mm_owners" validate constraint "mm_owners_epoch_check";

-- migrate:down
alter table "public"."mm_instances" drop constraint "mm_instances_pkey";

alter table "public"."mm_kill_orders" drop constraint "mm_kill_orders_pkey";

alter table "public"."mm_owners" drop constraint "mm_owners_pkey";

alter table "public"."mm_owners" drop constraint "mm_owners_check";

alter table "public"."mm_owners" drop constraint "mm_owners_check1";

alter table "public"."mm_owners" drop constraint "mm_owners_epoch_check";

drop index if exists "public"."mm_instances_pkey";

drop index if exists "public"."mm_kill_orders_open_idx";

drop index if exists "public"."mm_kill_orders_pkey";

drop index if exists "public"."mm_owners_instance_idx";

drop index if exists "public"."mm_owners_pkey";

drop table "public"."mm_instances";

drop table "public"."mm_kill_orders";

drop table "public"."mm_owners";

alter table "public"."mm_configs" drop column "resume_on_clean_handover";
