-- migrate:up
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

create table "public"."mm_audit" (
    "id" bigint generated always as identity not null,
    "entry_id" uuid not null,
    "at" timestamp with time zone not null,
    "actor" text not null,
    "roles" jsonb not null,
    "route" text not null,
    "symbol" character varying(32),
    "before" jsonb,
    "after" jsonb,
    "why" text not null
);


create table "public"."mm_configs" (
    "symbol" character varying(32) not null,
    "enabled" boolean not null default false,
    "base_spread_bps" numeric not null default 10.0,
    "order_size_usdt" numeric not null default 100.0,
    "inventory_skew_factor" numeric not null default 0.5,
    "max_position_usdt" numeric not null default 10000.0,
    "max_loss_usdt" numeric not null default 500.0,
    "volatility_multiplier" boolean not null default true,
    "num_levels" integer not null default 1,
    "level_spacing_bps" numeric not null default 5.0,
    "check_staleness" boolean not null default false,
    "staleness_threshold_ms" numeric not null default 1000.0,
    "quote_interval_ms" numeric not null default 100.0,
    "price_threshold_bps" numeric not null default 5.0,
    "created_at" timestamp with time zone not null default now(),
    "updated_at" timestamp with time zone not null default now()
);


create table "public"."mm_fills" (
    "id" bigint generated always as identity not null,
    "symbol" character varying(32) not null,
    "trade_id" text not null,
    "side" text not null,
    "price" numeric not null,
    "quantity" numeric not null,
    "fee" numeric not null,
    "order_id" text not null,
    "client_order_id" text,
    "is_maker" boolean not null,
    "sequence" bigint not null,
    "executed_at" timestamp with time zone not null,
    "recorded_at" timestamp with time zone not null
);


create table "public"."mm_orders" (
    "client_order_id" text collate "C" not null,
    "order_id" text,
    "symbol" character varying(32) not null,
    "side" text not null,
    "level" integer not null,
    "price" numeric not null,
    "quantity" numeric not null,
    "filled_quantity" numeric not null,
    "status" text not null,
    "reason" text not null,
    "created_at" timestamp with time zone not null,
    "updated_at" timestamp with time zone not null
);


create table "public"."mm_positions" (
    "symbol" character varying(32) not null,
    "position" numeric not null,
    "open_cost" numeric not null,
    "realized_pnl" numeric not null,
    "fees" numeric not null,
    "fill_count" bigint not null,
    "volume" numeric not null,
    "updated_at" timestamp with time zone not null
);


create table "public"."mm_states" (
    "symbol" character varying(32) not null,
    "state" text not null,
    "reason" text not null,
    "actor" text not null,
    "kill_reason" text,
    "pnl_baseline" numeric not null default 0,
    "since" timestamp with time zone not null,
    "version" bigint not null default 1,
    "last_event_id" uuid not null
);


create table "public"."outbox" (
    "id" bigint generated always as identity not null,
    "event_id" uuid not null,
    "topic" text not null,
    "symbol" character varying(32) not null,
    "payload" jsonb not null,
    "trace_id" text not null,
    "created_at" timestamp with time zone not null,
    "sent_at" timestamp with time zone
);


CREATE TRIGGER mm_audit_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.mm_audit FOR EACH STATEMENT EXECUTE FUNCTION mm_audit_refuse_change();

CREATE UNIQUE INDEX mm_audit_entry_id_key ON public.mm_audit USING btree (entry_id);

CREATE UNIQUE INDEX mm_audit_pkey ON public.mm_audit USING btree (id);

CREATE INDEX mm_audit_symbol_idx ON public.mm_audit USING btree (symbol, id);

CREATE UNIQUE INDEX mm_configs_pkey ON public.mm_configs USING btree (symbol);

CREATE UNIQUE INDEX mm_fills_fold_idx ON public.mm_fills USING btree (symbol, id);

CREATE UNIQUE INDEX mm_fills_pkey ON public.mm_fills USING btree (symbol, trade_id, side);

CREATE INDEX mm_orders_open_idx ON public.mm_orders USING btree (symbol) WHERE (status <> ALL (ARRAY['filled'::text, 'cancelled'::text, 'rejected'::text]));

CREATE UNIQUE INDEX mm_orders_pkey ON public.mm_orders USING btree (client_order_id);

CREATE INDEX mm_orders_symbol_idx ON public.mm_orders USING btree (symbol, client_order_id);

CREATE UNIQUE INDEX mm_positions_pkey ON public.mm_positions USING btree (symbol);

CREATE UNIQUE INDEX mm_states_pkey ON public.mm_states USING btree (symbol);

CREATE UNIQUE INDEX outbox_event_id_key ON public.outbox USING btree (event_id);

CREATE INDEX outbox_history_idx ON public.outbox USING btree (symbol, id);

CREATE UNIQUE INDEX outbox_pkey ON public.outbox USING btree (id);

CREATE INDEX outbox_unsent_idx ON public.outbox USING btree (symbol, id) WHERE (sent_at IS NULL);

alter table "public"."mm_audit" add constraint "mm_audit_pkey" PRIMARY KEY using index "mm_audit_pkey";

alter table "public"."mm_configs" add constraint "mm_configs_pkey" PRIMARY KEY using index "mm_configs_pkey";

alter table "public"."mm_fills" add constraint "mm_fills_pkey" PRIMARY KEY using index "mm_fills_pkey";

alter table "public"."mm_orders" add constraint "mm_orders_pkey" PRIMARY KEY using index "mm_orders_pkey";

alter table "public"."mm_positions" add constraint "mm_positions_pkey" PRIMARY KEY using index "mm_positions_pkey";

alter table "public"."mm_states" add constraint "mm_states_pkey" PRIMARY KEY using index "mm_states_pkey";

alter table "public"."outbox" add constraint "outbox_pkey" PRIMARY KEY using index "outbox_pkey";

alter table "public"."mm_audit" add constraint "mm_audit_entry_id_key" UNIQUE using index "mm_audit_entry_id_key";

alter table "public"."mm_configs" add constraint "mm_configs_base_spread_bps_check" CHECK (((base_spread_bps > (0)::numeric) AND (base_spread_bps <= (10000)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_base_spread_bps_check";

alter table "public"."mm_configs" add constraint "mm_configs_inventory_skew_factor_check" CHECK (((inventory_skew_factor >= (0)::numeric) AND (inventory_skew_factor <= (100)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_inventory_skew_factor_check";

alter table "public"."mm_configs" add constraint "mm_configs_level_spacing_bps_check" CHECK (((level_spacing_bps >= (0)::numeric) AND (level_spacing_bps <= (10000)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_level_spacing_bps_check";

alter table "public"."mm_configs" add constraint "mm_configs_max_loss_usdt_check" CHECK (((max_loss_usdt > (0)::numeric) AND (max_loss_usdt <= ('1000000000000'::bigint)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_max_loss_usdt_check";

alter table "public"."mm_configs" add constraint "mm_configs_max_position_usdt_check" CHECK (((max_position_usdt > (0)::numeric) AND (max_position_usdt <= ('1000000000000'::bigint)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_max_position_usdt_check";

alter table "public"."mm_configs" add constraint "mm_configs_num_levels_check" CHECK (((num_levels >= 1) AND (num_levels <= 100))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_num_levels_check";

alter table "public"."mm_configs" add constraint "mm_configs_order_size_usdt_check" CHECK (((order_size_usdt > (0)::numeric) AND (order_size_usdt <= ('1000000000000'::bigint)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_order_size_usdt_check";

alter table "public"."mm_configs" add constraint "mm_configs_price_threshold_bps_check" CHECK (((price_threshold_bps >= (0)::numeric) AND (price_threshold_bps <= (10000)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_price_threshold_bps_check";

alter table "public"."mm_configs" add constraint "mm_configs_quote_interval_ms_check" CHECK (((quote_interval_ms > (0)::numeric) AND (quote_interval_ms <= (86400000)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_quote_interval_ms_check";

alter table "public"."mm_configs" add constraint "mm_configs_staleness_threshold_ms_check" CHECK (((staleness_threshold_ms > (0)::numeric) AND (staleness_threshold_ms <= (86400000)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_staleness_threshold_ms_check";

alter table "public"."mm_configs" add constraint "mm_configs_symbol_check" CHECK (((symbol)::text <> ''::text)) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_symbol_check";

alter table "public"."mm_fills" add constraint "mm_fills_price_check" CHECK (((price > (0)::numeric) AND (price < 'Infinity'::numeric))) not valid;

alter table "public"."mm_fills" validate constraint "mm_fills_price_check";

alter table "public"."mm_fills" add constraint "mm_fills_quantity_check" CHECK (((quantity > (0)::numeric) AND (quantity < 'Infinity'::numeric))) not valid;

alter table "public"."mm_fills" validate constraint "mm_fills_quantity_check";

alter table "public"."mm_fills" add constraint "mm_fills_side_check" CHECK ((side = ANY (ARRAY['BUY'::text, 'SELL'::text]))) not valid;

alter table "public"."mm_fills" validate constraint "mm_fills_side_check";

alter table "public"."mm_orders" add constraint "mm_orders_filled_quantity_check" CHECK (((filled_quantity >= (0)::numeric) AND (filled_quantity < 'Infinity'::numeric))) not valid;

alter table "public"."mm_orders" validate constraint "mm_orders_filled_quantity_check";

alter table "public"."mm_orders" add constraint "mm_orders_price_check" CHECK (((price > (0)::numeric) AND (price < 'Infinity'::numeric))) not valid;

alter table "public"."mm_orders" validate constraint "mm_orders_price_check";

alter table "public"."mm_orders" add constraint "mm_orders_quantity_check" CHECK (((quantity > (0)::numeric) AND (quantity < 'Infinity'::numeric))) not valid;

alter table "public"."mm_orders" validate constraint "mm_orders_quantity_check";

alter table "public"."mm_orders" add constraint "mm_orders_side_check" CHECK ((side = ANY (ARRAY['BUY'::text, 'SELL'::text]))) not valid;

alter table "public"."mm_orders" validate constraint "mm_orders_side_check";

alter table "public"."mm_orders" add constraint "mm_orders_status_check" CHECK ((status = ANY (ARRAY['pending_new'::text, 'open'::text, 'partially_filled'::text, 'pending_cancel'::text, 'unknown'::text, 'filled'::text, 'cancelled'::text, 'rejected'::text]))) not valid;

alter table "public"."mm_orders" validate constraint "mm_orders_status_check";

alter table "public"."mm_positions" add constraint "mm_positions_fill_count_check" CHECK ((fill_count >= 0)) not valid;

alter table "public"."mm_positions" validate constraint "mm_positions_fill_count_check";

alter table "public"."mm_states" add constraint "mm_states_state_check" CHECK ((state = ANY (ARRAY['PAUSED'::text, 'ACTIVE'::text, 'HALTED'::text]))) not valid;

alter table "public"."mm_states" validate constraint "mm_states_state_check";

alter table "public"."outbox" add constraint "outbox_event_id_key" UNIQUE using index "outbox_event_id_key";

-- migrate:down
drop trigger if exists "mm_audit_append_only" on "public"."mm_audit";

alter table "public"."mm_audit" drop constraint "mm_audit_pkey";

alter table "public"."mm_configs" drop constraint "mm_configs_pkey";

alter table "public"."mm_fills" drop constraint "mm_fills_pkey";

alter table "public"."mm_orders" drop constraint "mm_orders_pkey";

alter table "public"."mm_positions" drop constraint "mm_positions_pkey";

alter table "public"."mm_states" drop constraint "mm_states_pkey";

alter table "public"."outbox" drop constraint "outbox_pkey";

alter table "public"."mm_audit" drop constraint "mm_audit_entry_id_key";

alter table "public"."mm_configs" drop constraint "mm_configs_base_spread_bps_check";

alter table "public"."mm_configs" drop constraint "mm_configs_inventory_skew_factor_check";

alter table "public"."mm_configs" drop constraint "mm_configs_level_spacing_bps_check";

alter table "public"."mm_configs" drop constraint "mm_configs_max_loss_usdt_check";

alter table "public"."mm_configs" drop constraint "mm_configs_max_position_usdt_check";

alter table "public"."mm_configs" drop constraint "mm_configs_num_levels_check";

alter table "public"."mm_configs" drop constraint "mm_configs_order_size_usdt_check";

alter table "public"."mm_configs" drop constraint "mm_configs_price_threshold_bps_check";

alter table "public"."mm_configs" drop constraint "mm_configs_quote_interval_ms_check";

alter table "public"."mm_configs" drop constraint "mm_configs_staleness_threshold_ms_check";

alter table "public"."mm_configs" drop constraint "mm_configs_symbol_check";

alter table "public"."mm_fills" drop constraint "mm_fills_price_check";

alter table "public"."mm_fills" drop constraint "mm_fills_quantity_check";

alter table "public"."mm_fills" drop constraint "mm_fills_side_check";

alter table "public"."mm_orders" drop constraint "mm_orders_filled_quantity_check";

alter table "public"."mm_orders" drop constraint "mm_orders_price_check";

alter table "public"."mm_orders" drop constraint "mm_orders_quantity_check";

alter table "public"."mm_orders" drop constraint "mm_orders_side_check";

alter table "public"."mm_orders" drop constraint "mm_orders_status_check";

alter table "public"."mm_positions" drop constraint "mm_positions_fill_count_check";

alter table "public"."mm_states" drop constraint "mm_states_state_check";

alter table "public"."outbox" drop constraint "outbox_event_id_key";

drop index if exists "public"."mm_audit_entry_id_key";

drop index if exists "public"."mm_audit_pkey";

drop index if exists "public"."mm_audit_symbol_idx";

drop index if exists "public"."mm_configs_pkey";

drop index if exists "public"."mm_fills_fold_idx";

drop index if exists "public"."mm_fills_pkey";

drop index if exists "public"."mm_orders_open_idx";

drop index if exists "public"."mm_orders_pkey";

drop index if exists "public"."mm_orders_symbol_idx";

drop index if exists "public"."mm_positions_pkey";

drop index if exists "public"."mm_states_pkey";

drop index if exists "public"."outbox_event_id_key";

drop index if exists "public"."outbox_history_idx";

drop index if exists "public"."outbox_pkey";

drop index if exists "public"."outbox_unsent_idx";

drop table "public"."mm_audit";

drop table "public"."mm_configs";

drop table "public"."mm_fills";

drop table "public"."mm_orders";

drop table "public"."mm_positions";

drop table "public"."mm_states";

drop table "public"."outbox";

drop function if exists "public"."mm_audit_refuse_change"();
