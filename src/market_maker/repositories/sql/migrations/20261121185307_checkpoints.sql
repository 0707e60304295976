-- migrate:up
create table "public"."mm_checkpoints" (
    "symbol" character varying(32) not null,
    "epoch" bigint not null,
    "last_fill_id" bigint not null,
    "fold" jsonb not null,
    "made_at" timestamp with time zone not null
);


CREATE UNIQUE INDEX mm_checkpoints_pkey ON public.mm_checkpoints USING btree (symbol);

alter table "public"."mm_checkpoints" add constraint "mm_checkpoints_pkey" PRIMARY KEY using index "mm_checkpoints_pkey";

alter table "public"."mm_checkpoints" add constraint "mm_checkpoints_last_fill_id_check" CHECK ((last_fill_id >= 0)) not valid;

alter table "public"."mm_checkpoints" validate constraint "mm_checkpoints_last_fill_id_check";

-- migrate:down
alter table "public"."mm_checkpoints" drop constraint "mm_checkpoints_pkey";

alter table "public"."mm_checkpoints" drop constraint "mm_checkpoints_last_fill_id_check";

drop index if exists "public"."mm_checkpoints_pkey";

drop table "public"."mm_checkpoints";
