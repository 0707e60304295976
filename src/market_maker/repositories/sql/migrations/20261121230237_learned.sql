-- migrate:up
create table "public"."mm_learned" (
    "symbol" character varying(32) not null,
    "epoch" bigint not null,
    "model" character varying(64) not null,
    "tick_size" numeric not null,
    "lot_size" numeric not null,
    "learned" text not null,
    "made_at" timestamp with time zone not null
);


CREATE UNIQUE INDEX mm_learned_pkey ON public.mm_learned USING btree (symbol);

alter table "public"."mm_learned" add constraint "mm_learned_pkey" PRIMARY KEY using index "mm_learned_pkey";

-- migrate:down
alter table "public"."mm_learned" drop constraint "mm_learned_pkey";

drop index if exists "public"."mm_learned_pkey";

drop table "public"."mm_learned";
