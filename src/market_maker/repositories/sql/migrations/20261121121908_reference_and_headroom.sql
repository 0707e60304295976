-- migrate:up
alter table "public"."mm_configs" add column "position_headroom_pct" numeric not null default 5.0;

alter table "public"."mm_configs" add column "reference_min_notional_usdt" numeric not null default 0.0;

alter table "public"."mm_configs" add column "mark_divergence_bps" numeric not null default 200.0;

alter table "public"."mm_states" add column "rebase_pending" boolean not null default false;

alter table "public"."mm_configs" add constraint "mm_configs_mark_divergence_bps_check" CHECK (((mark_divergence_bps > (0)::numeric) AND (mark_divergence_bps <= (10000)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_mark_divergence_bps_check";

alter table "public"."mm_configs" add constraint "mm_configs_position_headroom_pct_check" CHECK (((position_headroom_pct >= (0)::numeric) AND (position_headroom_pct <= (50)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_position_headroom_pct_check";

alter table "public"."mm_configs" add constraint "mm_configs_reference_min_notional_usdt_check" CHECK (((reference_min_notional_usdt >= (0)::numeric) AND (reference_min_notional_usdt <= ('1000000000000'::bigint)::numeric))) not valid;

alter table "public"."mm_configs" validate constraint "mm_configs_reference_min_notional_usdt_check";

-- migrate:down
alter table "public"."mm_configs" drop constraint "mm_configs_mark_divergence_bps_check";

alter table "public"."mm_configs" drop constraint "mm_configs_position_headroom_pct_check";

alter table "public"."mm_configs" drop constraint "mm_configs_reference_min_notional_usdt_check";

alter table "public"."mm_configs" drop column "mark_divergence_bps";

alter table "public"."mm_configs" drop column "position_headroom_pct";

alter table "public"."mm_configs" drop column "reference_min_notional_usdt";

alter table "public"."mm_states" drop column "rebase_pending";
