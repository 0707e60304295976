-- migrate:up
alter table "public"."mm_configs" add column "model" text not null default 'linear_skew'::text;

alter table "public"."mm_configs" add column "model_parameters" jsonb not null default '{}'::jsonb;

alter table "public"."mm_configs" add column "fair_value" text not null default 'mid'::text;

alter table "public"."mm_configs" add column "size_skew_eta" numeric not null default 0.0;

alter table "public"."mm_configs" add column "maker_fee_bps" numeric not null default 0.0;

alter table "public"."mm_configs" add column "min_edge_bps" numeric not null default 0.0;

alter table "public"."mm_configs" add column "fill_pause_ms" numeric not null default 0.0;

alter table "public"."mm_configs" add column "fill_burst_quantity" numeric not null default 0.0;

alter table "public"."mm_configs" add column "fill_burst_usdt" numeric not null default 0.0;

alter table "public"."mm_configs" add column "fill_burst_window_ms" numeric not null default 1000.0;

alter table "public"."mm_configs" add column "fill_burst_pause_ms" numeric not null default 10000.0;

alter table "public"."mm_configs" add constraint "mm_configs_fair_value_check" CHECK ((fair_value = ANY (ARRAY['mid'::text, 'size_weighted_mid'::text]))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_fair_value_check";

alter table "public"."mm_configs" add constraint "mm_configs_fill_burst_pause_ms_check" CHECK (((fill_burst_pause_ms > (0)::numeric) AND (fill_burst_pause_ms <= (86400000)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_fill_burst_pause_ms_check";

alter table "public"."mm_configs" add constraint "mm_configs_fill_burst_quantity_check" CHECK ((fill_burst_quantity >= (0)::numeric)) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_fill_burst_quantity_check";

alter table "public"."mm_configs" add constraint "mm_configs_fill_burst_usdt_check" CHECK ((fill_burst_usdt >= (0)::numeric)) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_fill_burst_usdt_check";

alter table "public"."mm_configs" add constraint "mm_configs_fill_burst_window_ms_check" CHECK (((fill_burst_window_ms > (0)::numeric) AND (fill_burst_window_ms <= (86400000)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_fill_burst_window_ms_check";

alter table "public"."mm_configs" add constraint "mm_configs_fill_pause_ms_check" CHECK (((fill_pause_ms >= (0)::numeric) AND (fill_pause_ms <= (86400000)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_fill_pause_ms_check";

alter table "public"."mm_configs" add constraint "mm_configs_maker_fee_bps_check" CHECK (((maker_fee_bps >= ('-10000'::integer)::numeric) AND (maker_fee_bps <= (10000)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_maker_fee_bps_check";

alter table "public"."mm_configs" add constraint "mm_configs_min_edge_bps_check" CHECK (((min_edge_bps >= (0)::numeric) AND (min_edge_bps <= (10000)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_min_edge_bps_check";

alter table "public"."mm_configs" add constraint "mm_configs_model_check" CHECK ((model <> ''::text)) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_model_check";

alter table "public"."mm_configs" add constraint "mm_configs_size_skew_eta_check" CHECK (((size_skew_eta >= (0)::numeric) AND (size_skew_eta <= (100)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_size_skew_eta_check";

-- migrate:down
alter table "public"."mm_configs" drop constraint "mm_configs_fair_value_check";

alter table "public"."mm_configs" drop constraint "mm_configs_fill_burst_pause_ms_check";

alter table "public"."mm_configs" drop constraint "mm_configs_fill_burst_quantity_check";

alter table "public"."mm_configs" drop constraint "mm_configs_fill_burst_usdt_check";

alter table "public"."mm_configs" drop constraint "mm_configs_fill_burst_window_ms_check";

alter table "public"."mm_configs" drop constraint "mm_configs_fill_pause_ms_check";

alter table "public"."mm_configs" drop constraint "mm_configs_maker_fee_bps_check";

alter table "public"."mm_configs" drop constraint "mm_configs_min_edge_bps_check";

alter table "public"."mm_configs" drop constraint "mm_configs_model_check";

alter table "public"."mm_configs" drop constraint "mm_configs_size_skew_eta_check";

alter table "public"."mm_configs" drop column "fair_value";

alter table "public"."mm_configs" drop column "fill_burst_pause_ms";

alter table "public"."mm_configs" drop column "fill_burst_quantity";

alter table "public"."mm_configs" drop column "fill_burst_usdt";

alter table "public"."mm_configs" drop column "fill_burst_window_ms";

alter table "public"."mm_configs" drop column "fill_pause_ms";

alter table "public"."mm_configs" drop column "maker_fee_bps";

alter table "public"."mm_configs" drop column "min_edge_bps";

alter table "public"."mm_configs" drop column "model";

alter table "public"."mm_configs" drop column "model_parameters";

alter table "public"."mm_configs" drop column "size_skew_eta";
