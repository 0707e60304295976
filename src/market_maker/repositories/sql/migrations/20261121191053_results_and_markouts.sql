-- migrate:up
create table "public"."mm_markouts" (
    "symbol" character varying(32) not null,
    "trade_id" text not null,
    "side" text not null,
    "horizon_ms" integer not null,
    "mid" numeric,
    "missing" text
);


create table "public"."mm_pnl" (
    "symbol" character varying(32) not null,
    "at" timestamp with time zone not null,
    "spread_capture" numeric not null,
    "inventory_pnl" numeric not null,
    "fees" numeric not null,
    "position" numeric not null,
    "mid" numeric
);


alter table "public"."mm_fills" add column "level" integer;

alter table "public"."mm_fills" add column "mid" numeric;

alter table "public"."mm_positions" add column "inventory_pnl" numeric not null default 0;

alter table "public"."mm_positions" add column "spread_capture" numeric not null default 0;

alter table "public"."mm_positions" add column "worth" numeric not null default 0;

alter table "public"."mm_states" add column "fees_baseline" numeric not null default 0;

alter table "public"."mm_states" add column "spread_baseline" numeric not null default 0;

CREATE UNIQUE INDEX mm_markouts_pkey ON public.mm_markouts USING btree (symbol, trade_id, side, horizon_ms);

CREATE UNIQUE INDEX mm_pnl_pkey ON public.mm_pnl USING btree (symbol, at);

alter table "public"."mm_markouts" add constraint "mm_markouts_pkey" PRIMARY KEY using index "mm_markouts_pkey";

alter table "public"."mm_pnl" add constraint "mm_pnl_pkey" PRIMARY KEY using index "mm_pnl_pkey";

alter table "public"."mm_markouts" add constraint "mm_markouts_check" CHECK ((num_nulls(mid, missing) = 1)) not valid;

alter table "public"."mm_markouts" validate constraint "mm_markouts_check";

alter table "public"."mm_markouts" add constraint "mm_markouts_horizon_ms_check" CHECK ((horizon_ms > 0)) not valid;

alter table "public"."mm_markouts" validate constraint "mm_markouts_horizon_ms_check";

alter table "public"."mm_markouts" add constraint "mm_markouts_mid_check" CHECK (((mid > (0)::numeric) AND (mid < 'Infinity'::numeric))) not valid;

alter table "public"."mm_markouts" validate constraint "mm_markouts_mid_check";

-- Fills so far are not split: what they made is inventory, valued at cost. Results count by hour from here on.
UPDATE mm_positions SET inventory_pnl = realized_pnl + fees, worth = open_cost;

INSERT INTO mm_pnl (symbol, at, spread_capture, inventory_pnl, fees, position)
SELECT symbol, now(), 0, realized_pnl + fees, fees, position FROM mm_positions;

-- migrate:down
alter table "public"."mm_markouts" drop constraint "mm_markouts_pkey";

alter table "public"."mm_pnl" drop constraint "mm_pnl_pkey";

alter table "public"."mm_markouts" drop constraint "mm_markouts_check";

alter table "public"."mm_markouts" drop constraint "mm_markouts_horizon_ms_check";

alter table "public"."mm_markouts" drop constraint "mm_markouts_mid_check";

drop index if exists "public"."mm_markouts_pkey";

drop index if exists "public"."mm_pnl_pkey";

drop table "public"."mm_markouts";

drop table "public"."mm_pnl";

alter table "public"."mm_fills" drop column "level";

alter table "public"."mm_fills" drop column "mid";

alter table "public"."mm_positions" drop column "inventory_pnl";

alter table "public"."mm_positions" drop column "spread_capture";

alter table "public"."mm_positions" drop column "worth";

alter table "public"."mm_states" drop column "fees_baseline";

alter table "public"."mm_states" drop column "spread_baseline";
