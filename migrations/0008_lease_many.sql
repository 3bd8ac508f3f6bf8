-- One statement for all of a replica's leases, and leases that are given up: the protocol and its proof
-- are in the documentation of modgate::limit.

-- A lease that was given up stays as evidence until its app has another: a replica that starts and finds
-- nothing but such rows, all of them rested, knows that no call can still be under way. Only on the server
-- process that it was given up on: a standby may have been promoted without the last commits.
alter table modgate.permit_lease add column given_up_on timestamptz;

comment on column modgate.permit_lease.given_up_on is
    'Start of the server process (pg_postmaster_start_time) on which the holder gave the lease up; null until it does.';

-- Renews a holder's leases on these APIs, or begins them, and shows who has what of each. For each API it
-- does what modgate.renew_permit_lease does, which replicas of earlier versions call: both take the same
-- lock. No rows of an API: a later renewal has already been here.
create function modgate.renew_permit_leases(
    its_sdk_app_id bigint, its_holder uuid, its_lifetime interval, its_grace interval, its_apis text[],
    its_renewals bigint[], its_calls_per_second integer[], its_demands integer[], it_keeps integer[], it_wants integer[]
) returns table (api text, holder uuid, calls_per_second integer, demand integer, permits integer, expired boolean)
    language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    moment  timestamptz;
    renewed text[];
begin
    -- Each statement below must see what was committed before the lock was ours.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'a lease is renewed in isolation level read committed only';
    end if;
    lock table modgate.permit_lease in share row exclusive mode;
    moment := clock_timestamp();
    delete from modgate.permit_lease as lease
     where lease.sdk_app_id = its_sdk_app_id and lease.expires_at + lease.grace < moment;
    with renewal as (
        insert into modgate.permit_lease as lease
               (sdk_app_id, api, holder, renewal, calls_per_second, demand, permits, expires_at, grace)
        select its_sdk_app_id, asked.api, its_holder, asked.renewal, asked.calls_per_second, asked.demand,
               greatest(least(asked.keeps, leased.own), least(asked.wants, leased.n - leased.others)),
               moment + its_lifetime, its_grace
          from unnest(its_apis, its_renewals, its_calls_per_second, its_demands, it_keeps, it_wants)
                   as asked (api, renewal, calls_per_second, demand, keeps, wants)
         cross join lateral (
               select coalesce(sum(lease.permits) filter (where lease.holder = its_holder), 0) as own,
                      coalesce(sum(lease.permits) filter (where lease.holder <> its_holder), 0) as others,
                      least(asked.calls_per_second,
                            min(lease.calls_per_second) filter (where lease.holder <> its_holder)) as n
                 from modgate.permit_lease as lease
                where lease.sdk_app_id = its_sdk_app_id and lease.api = asked.api) as leased
        on conflict on constraint permit_lease_pkey do update
            set (renewal, calls_per_second, demand, permits, expires_at, grace, given_up_on)
              = row (excluded.renewal, excluded.calls_per_second, excluded.demand, excluded.permits,
                     excluded.expires_at, excluded.grace, null)
          where lease.renewal < excluded.renewal
        returning lease.api)
    select array_agg(renewal.api) into renewed from renewal;
    return query
        select lease.api, lease.holder, lease.calls_per_second, lease.demand, lease.permits, lease.expires_at <= moment
          from modgate.permit_lease as lease
         where lease.sdk_app_id = its_sdk_app_id and lease.api = any (renewed)
         order by lease.api, lease.holder;
end
$$;

-- Gives up a holder's leases on these APIs, of which it takes no more permits: what it has down of each is
-- free when the last has rested. Also of an API that it has no lease on: that is evidence, too, if the
-- holder is one that has waited until nothing of before it could be under way.
create function modgate.give_up_permit_leases(
    its_sdk_app_id bigint, its_holder uuid, its_apis text[], its_renewals bigint[], its_calls_per_second integer[],
    its_rests interval[], is_evidence boolean
) returns void
    language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    moment timestamptz;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'a lease is given up in isolation level read committed only';
    end if;
    lock table modgate.permit_lease in share row exclusive mode;
    moment := clock_timestamp();
    delete from modgate.permit_lease as lease
     where lease.sdk_app_id = its_sdk_app_id and lease.expires_at + lease.grace < moment;
    insert into modgate.permit_lease as lease
           (sdk_app_id, api, holder, renewal, calls_per_second, demand, permits, expires_at, grace, given_up_on)
    select its_sdk_app_id, given_up.api, its_holder, given_up.renewal, given_up.calls_per_second, 0, 0,
           moment + given_up.rests, interval '0', case when is_evidence then pg_postmaster_start_time() end
      from unnest(its_apis, its_renewals, its_calls_per_second, its_rests)
               as given_up (api, renewal, calls_per_second, rests)
    on conflict on constraint permit_lease_pkey do update
        set (renewal, demand, expires_at, grace, given_up_on)
          = row (excluded.renewal, excluded.demand, excluded.expires_at, excluded.grace, excluded.given_up_on)
      where lease.renewal < excluded.renewal;
end
$$;

-- Whether it is certain that no call of this app can still be under way: each lease that there is was given
-- up, and its permits have rested; one at least on this very server process, so that the table is not what
-- a standby had of it.
create function modgate.all_permit_leases_given_up(its_sdk_app_id bigint) returns boolean
    language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    given_up boolean;
begin
    -- Whoever is told so could also have a lease.
    lock table modgate.permit_lease in share row exclusive mode;
    select coalesce(bool_and(lease.given_up_on is not null and lease.expires_at <= clock_timestamp())
                    and bool_or(lease.given_up_on = pg_postmaster_start_time()), false)
      into given_up
      from modgate.permit_lease as lease
     where lease.sdk_app_id = its_sdk_app_id;
    return given_up;
end
$$;
