-- What freezes and thaws need beside their rows (audit.brake), and the hourly limit of a moderator.

-- Nothing is stored in it. Whoever begins or repeats an action holds its lock, in row share mode, until that is
-- committed or not: a mode in which none keeps another waiting, and that takes a right to hold.
create table modgate.begin_lock ();

comment on table modgate.begin_lock is 'Locked, in row share mode, by each transaction that begins or repeats an action.';

-- Whether there is a freeze or a thaw that a replica has not judged: a row of a transaction that it did not see
-- when it read last, and that is not one of those that it saw. Or the transactions are numbered anew, as after a
-- restore. The lock comes first: whoever has committed a freeze and then finds no holder of before knows that each
-- transaction that has not seen the freeze is over.
create function modgate.has_unjudged_brake(seen_before xid8, judged_since uuid[]) returns boolean
    language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
    -- The statement below must see what was committed before the lock was held.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'an action is begun in isolation level read committed only';
    end if;
    lock table modgate.begin_lock in row share mode;
    return exists (select id from audit.brake where xid >= seen_before except select unnest(judged_since))
           or pg_snapshot_xmax(pg_current_snapshot()) < seen_before;
end
$$;

-- How many actions a moderator asked for in each of the last 61 minutes: at place `minute % 61 + 1` those of the newest
-- minute that has that place, counted in minutes since 1970. More than one row, so that actions which begin at the same
-- moment do not wait for each other. Working state: without a row it is made from the record. Denied actions, of which no
-- attempt was announced, are not among them.
create table modgate.moderator_hour (
    issuer    text      not null,
    moderator text      not null,
    -- Of the database session that counts; -1 for what was found in the record.
    slot      integer   not null,
    -- The newest minute that is counted.
    minute    bigint    not null,
    counts    integer[] not null,
    -- Their sum. What has become too old is among them until another minute is counted.
    total     integer   not null,
    constraint moderator_hour_pkey primary key (issuer, moderator, slot),
    constraint moderator_hour_has_61_minutes check (cardinality(counts) = 61)
) with (fillfactor = 50);

create index moderator_hour_minute on modgate.moderator_hour (minute);

-- What the record has of the last 61 minutes becomes the first row of a moderator; the only one if it `replaces` those
-- that are there. In one statement: what it does not see has a row of its own.
create function modgate.seed_moderator_hour(its_issuer text, its_moderator text, now_minute bigint, replaces boolean)
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
           select floor(extract(epoch from action.recorded_at) / 60)::bigint % 61 as place, count(*)::integer as actions
             from audit.action
            where action.moderator = its_moderator and action.issuer = its_issuer
              and action.tencent_random is not null
              -- The time in an id is a gateway's, which may be a minute off.
              and action.id >= audit.uuid7_floor(to_timestamp((now_minute - 62) * 60))
              and action.recorded_at >= to_timestamp((now_minute - 60) * 60)
              and action.recorded_at < to_timestamp((now_minute + 1) * 60)
            group by 1) as recorded using (place)
    on conflict on constraint moderator_hour_pkey do update
       set minute = excluded.minute, counts = excluded.counts, total = excluded.total
     where replaces;
end
$$;

-- How long until a moderator may ask for another action who has asked for as many as this within 60 minutes; null if
-- there were fewer. What was asked for in the minute that the 60 began in counts to its end.
create function modgate.hourly_limit_wait(its_issuer text, its_moderator text, at_most integer) returns interval
    language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    moment constant timestamptz := clock_timestamp();
    now_minute constant bigint := floor(extract(epoch from moment) / 60);
    newest bigint;
    asked bigint;
    frees bigint;
begin
    select max(hour.minute), sum(hour.total) into newest, asked from modgate.moderator_hour as hour
     where hour.issuer = its_issuer and hour.moderator = its_moderator;
    -- None, or of a clock that was ahead.
    if newest is null or newest > now_minute + 1 then
        perform modgate.seed_moderator_hour(its_issuer, its_moderator, now_minute, newest is not null);
    elsif asked < at_most then
        return null;
    end if;
    select coalesce(sum(minutes.actions), 0) into asked
      from modgate.moderator_hour as hour,
           unnest(hour.counts) with ordinality as minutes (actions, place)
     where hour.issuer = its_issuer and hour.moderator = its_moderator and minutes.actions > 0
       and hour.minute - (hour.minute - (minutes.place - 1)) % 61 >= now_minute - 60;
    if asked < at_most then
        return null;
    end if;
    -- When so many minutes are over that fewer are left.
    select min(later.minute) into frees
      from (select counted.minute, sum(sum(counted.actions)) over (order by counted.minute) as until_then
              from (select minutes.actions, hour.minute - (hour.minute - (minutes.place - 1)) % 61 as minute
                      from modgate.moderator_hour as hour,
                           unnest(hour.counts) with ordinality as minutes (actions, place)
                     where hour.issuer = its_issuer and hour.moderator = its_moderator) as counted
             where counted.minute >= now_minute - 60
             group by counted.minute) as later
     where asked - later.until_then < at_most;
    return to_timestamp((frees + 61) * 60) - moment;
end
$$;

-- Counts an action of a moderator.
create function modgate.count_action(its_issuer text, its_moderator text) returns boolean
    language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    now_minute constant bigint := floor(extract(epoch from clock_timestamp()) / 60);
    place constant integer := now_minute % 61 + 1;
    its_slot constant integer := pg_backend_pid() % 256;
begin
    update modgate.moderator_hour as hour
       set counts[place] = hour.counts[place] + 1, total = hour.total + 1
     where hour.issuer = its_issuer and hour.moderator = its_moderator and hour.slot = its_slot
       and hour.minute = now_minute;
    if found then
        return true;
    end if;
    insert into modgate.moderator_hour as hour (issuer, moderator, slot, minute, counts, total)
    values (its_issuer, its_moderator, its_slot, now_minute,
            array_fill(0, array[place - 1]) || 1 || array_fill(0, array[61 - place]), 1)
    on conflict on constraint moderator_hour_pkey do update
       set (minute, counts, total) = (
           select kept.newest, array_agg(kept.actions order by kept.place), sum(kept.actions)
             from (select minutes.place, latest.newest,
                          -- What has become too old is left out, as is all that was counted by a clock that was ahead.
                          case when latest.newest - (latest.newest - (minutes.place - 1)) % 61 > hour.minute
                                    or hour.minute > latest.newest then 0 else minutes.actions end
                          + excluded.counts[minutes.place] as actions
                     from (select case when hour.minute = excluded.minute + 1 then hour.minute
                                       else excluded.minute end as newest) as latest,
                          unnest(hour.counts) with ordinality as minutes (actions, place)) as kept
            group by kept.newest);
    return true;
end
$$;
