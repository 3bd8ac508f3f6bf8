-- Working state of batches. What was asked for, and what became of it, is in schema audit.
set local lock_timeout = '10s';

-- Which items of a batch that has started are left, and which replica means to begin which: of use for as long as it runs.
-- A row may be wrong, or missing, without harm: whether an item begins is decided by the record.
create table modgate.batch_item (
    batch_id     uuid        not null,
    batch_index  integer     not null,
    kind         text        not null,
    -- Until then no other replica picks it.
    picked_until timestamptz not null default '-infinity',
    -- Whether nothing more becomes of it.
    is_over      boolean     not null default false,
    -- When Tencent answered for it.
    answered_at  timestamptz,
    -- Until then no other item of its batch finds out whether Tencent answers again.
    tried_until  timestamptz,
    constraint batch_item_pkey primary key (batch_id, batch_index)
) with (fillfactor = 70);

create index batch_item_left on modgate.batch_item (batch_id, kind, batch_index) where not is_over;

-- Each moderator who submits batches: their submissions follow one another, by the lock of their row. The row without
-- a moderator is locked by each submission for a moment, at its end.
create table modgate.batch_submitter (
    sdk_app_id   bigint      not null,
    issuer       text        not null,
    moderator    text        not null,
    submitted_at timestamptz not null default now(),
    constraint batch_submitter_pkey primary key (sdk_app_id, issuer, moderator)
);

create index batch_submitter_submitted_at on modgate.batch_submitter (submitted_at);

-- Claims an item for an action that is about to be inserted: `free`, or why it must not be. `stopped`: its batch has an
-- event that the replica has not judged. `taken`: the record has an action of it other than those that are known. From
-- here on until the end of the transaction nobody else claims it.
create function modgate.claim_item(
    its_batch uuid, its_index integer, its_kind text, known uuid[], seen_rev smallint, it_expires timestamptz
) returns text
    language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
    -- Each statement below must see what was committed before the lock was held.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'an item is claimed in isolation level read committed only';
    end if;
    lock table modgate.begin_lock in row share mode;
    -- Beyond 990 a stop might find no rev that is free. The largest number: what began is only ended.
    if seen_rev >= 990 and seen_rev < 32767
       or exists (select from audit.batch_event where batch_id = its_batch and rev > seen_rev) then
        return 'stopped';
    end if;
    if clock_timestamp() >= it_expires then
        return 'expired';
    end if;
    insert into modgate.batch_item as item (batch_id, batch_index, kind, picked_until)
    values (its_batch, its_index, its_kind, clock_timestamp() + interval '30 seconds')
    on conflict on constraint batch_item_pkey do update set picked_until = excluded.picked_until;
    if exists (select from audit.action
                where batch_id = its_batch and batch_index = its_index and id <> all (known)
                  -- It began after its batch was submitted, by clocks that may be a minute off.
                  and id >= audit.uuid7_floor(audit.uuid7_time(its_batch) - interval '5 minutes')) then
        return 'taken';
    end if;
    return 'free';
end
$$;

-- As before, but a batch counts when it is submitted, with all its items, unless a second person must approve it; so the
-- actions of batches do not.
create or replace function modgate.seed_moderator_hour(its_issuer text, its_moderator text, now_minute bigint, replaces boolean)
    returns void
    language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
    with replaced as (
        delete from modgate.moderator_hour as hour
         where replaces and hour.issuer = its_issuer and hour.moderator = its_moderator and hour.slot <> -1)
    insert into modgate.moderator_hour as hour (issuer, moderator, slot, minute, counts, total)
    select its_issuer, its_moderator, -1, now_minute, array_agg(coalesce(recorded.actions, 0) order by place),
           coalesce(sum(recorded.actions), 0)
      from generate_series(0, 60) as place
      left join (
           select asked.place, sum(asked.actions)::integer as actions
             from (select floor(extract(epoch from action.recorded_at) / 60)::bigint % 61 as place, 1 as actions
                     from audit.action
                    where action.moderator = its_moderator and action.issuer = its_issuer
                      and action.tencent_random is not null and action.batch_id is null
                      -- The time in an id is a gateway's, which may be a minute off.
                      and action.id >= audit.uuid7_floor(to_timestamp((now_minute - 62) * 60))
                      and action.recorded_at >= to_timestamp((now_minute - 60) * 60)
                      and action.recorded_at < to_timestamp((now_minute + 1) * 60)
                    union all
                   select floor(extract(epoch from batch.recorded_at) / 60)::bigint % 61, batch.total
                     from audit.batch
                    where batch.moderator = its_moderator and batch.issuer = its_issuer and not batch.needs_approval
                      and batch.id >= audit.uuid7_floor(to_timestamp((now_minute - 62) * 60))
                      and batch.recorded_at >= to_timestamp((now_minute - 60) * 60)
                      and batch.recorded_at < to_timestamp((now_minute + 1) * 60)) as asked
            group by asked.place) as recorded using (place)
    on conflict on constraint moderator_hour_pkey do update
       set minute = excluded.minute, counts = excluded.counts, total = excluded.total
     where replaces;
end
$$;

-- How many actions a moderator has asked for within 60 minutes, as modgate.hourly_limit_wait counts them.
create function modgate.asked_within_the_hour(its_issuer text, its_moderator text) returns bigint
    language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    now_minute constant bigint := floor(extract(epoch from clock_timestamp()) / 60);
    asked bigint;
begin
    -- Makes the rows where there are none.
    perform modgate.hourly_limit_wait(its_issuer, its_moderator, 2147483647);
    select coalesce(sum(minutes.actions), 0) into asked
      from modgate.moderator_hour as hour,
           unnest(hour.counts) with ordinality as minutes (actions, place)
     where hour.issuer = its_issuer and hour.moderator = its_moderator and minutes.actions > 0
       and hour.minute - (hour.minute - (minutes.place - 1)) % 61 >= now_minute - 60;
    return asked;
end
$$;

-- As modgate.count_action, for as many as a batch has.
create function modgate.count_actions(its_issuer text, its_moderator text, how_many integer) returns boolean
    language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    now_minute constant bigint := floor(extract(epoch from clock_timestamp()) / 60);
    place constant integer := now_minute % 61 + 1;
    its_slot constant integer := pg_backend_pid() % 256;
begin
    -- What is older is left out there, and the row is of this minute then.
    perform modgate.count_action(its_issuer, its_moderator);
    update modgate.moderator_hour as hour
       set counts[place] = hour.counts[place] + how_many - 1, total = hour.total + how_many - 1
     where hour.issuer = its_issuer and hour.moderator = its_moderator and hour.slot = its_slot;
    return found;
end
$$;
