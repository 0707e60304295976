-- migrate:up
create table "public"."mm_day_marks" (
    "began_at" timestamp with time zone not null,
    "symbol" character varying(32) not null,
    "pnl" numeric not null
);


CREATE UNIQUE INDEX mm_day_marks_pkey ON public.mm_day_marks USING btree (began_at, symbol);

alter table "public"."mm_day_marks" add constraint "mm_day_marks_pkey" PRIMARY KEY using index "mm_day_marks_pkey";

-- migrate:down
alter table "public"."mm_day_marks" drop constraint "mm_day_marks_pkey";

drop index if exists "public"."mm_day_marks_pkey";

drop table "public"."mm_day_marks";
