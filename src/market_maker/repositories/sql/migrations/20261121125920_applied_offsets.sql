-- migrate:up
alter table "public"."mm_positions" add column "applied_executed_at" timestamp with time zone;

alter table "public"."mm_positions" add column "applied_offset" bigint;

alter table "public"."mm_positions" add column "applied_partition" integer;

alter table "public"."mm_positions" add constraint "mm_positions_applied_check" CHECK ((num_nulls(applied_partition, applied_offset, applied_executed_at) = ANY (ARRAY[0, 3]))) not valid;

alter table "public"."mm_positions" validate constraint "mm_positions_applied_check";

-- migrate:down
alter table "public"."mm_positions" drop constraint "mm_positions_applied_check";

alter table "public"."mm_positions" drop column "applied_executed_at";

alter table "public"."mm_positions" drop column "applied_offset";

alter table "public"."mm_positions" drop column "applied_partition";
