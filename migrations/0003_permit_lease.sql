-- How the replicas share the calls of one API: leases on permits. Working state, kept by
-- modgate.renew_permit_lease alone; the protocol and its proof are in the documentation of modgate::limit.

create table modgate.permit_lease (
    sdk_app_id       bigint      not null,
    api              text        not null,
    holder           uuid        not null,
    -- The number of the last renewal that had an effect: an older one that arrives late has none.
    renewal          bigint      not null,
    -- N, as its holder is configured.
    calls_per_second integer     not null,
    -- What the holder could use, and what it may.
    demand           integer     not null,
    permits          integer     not null,
    -- From here on the holder sends nothing; what it has sent may count at Tencent for the grace.
    expires_at       timestamptz not null,
    grace            interval    not null,
    constraint permit_lease_pkey primary key (sdk_app_id, api, holder)
) with (fillfactor = 50);

-- Renews a lease, or begins one, and shows who has what. One statement for the client, so that one
-- that stops in the middle leaves no lock behind. No row: a later renewal has already been here.
--
-- The holder gets what it wants of what the others leave of N, and in any case what it keeps of
-- what it had: it has lowered itself to that before it asked, so a lost answer leaves it within its
-- lease. One whose row is gone had nothing: others may have it by now.
create function modgate.renew_permit_lease(
    its_sdk_app_id bigint, its_api text, its_holder uuid, its_renewal bigint,
    its_calls_per_second integer, its_demand integer, it_keeps integer, it_wants integer,
    its_lifetime interval, its_grace interval
) returns table (holder uuid, calls_per_second integer, demand integer, permits integer, expired boolean)
    language plpgsql volatile as $$
declare
    moment timestamptz;
    own    integer;
    others integer;
    n      integer;
begin
    -- Each statement below must see what was committed before the lock was ours.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'a lease is renewed in isolation level read committed only';
    end if;
    perform pg_advisory_xact_lock(
        hashtextextended(format('modgate.permit_lease %s %s', its_sdk_app_id, its_api), 0));
    moment := clock_timestamp();
    delete from modgate.permit_lease as lease
     where lease.sdk_app_id = its_sdk_app_id and lease.api = its_api
       and lease.expires_at + lease.grace < moment;
    if exists (select from modgate.permit_lease as lease
                where lease.sdk_app_id = its_sdk_app_id and lease.api = its_api
                  and lease.holder = its_holder and lease.renewal >= its_renewal) then
        return;
    end if;
    select coalesce(sum(lease.permits) filter (where lease.holder = its_holder), 0),
           coalesce(sum(lease.permits) filter (where lease.holder <> its_holder), 0),
           least(its_calls_per_second, min(lease.calls_per_second) filter (where lease.holder <> its_holder))
      into own, others, n
      from modgate.permit_lease as lease
     where lease.sdk_app_id = its_sdk_app_id and lease.api = its_api;
    insert into modgate.permit_lease as lease
    values (its_sdk_app_id, its_api, its_holder, its_renewal, its_calls_per_second, its_demand,
            greatest(least(it_keeps, own), least(it_wants, n - others)), moment + its_lifetime, its_grace)
    on conflict on constraint permit_lease_pkey do update
        set (renewal, calls_per_second, demand, permits, expires_at, grace)
          = row (excluded.renewal, excluded.calls_per_second, excluded.demand, excluded.permits,
                 excluded.expires_at, excluded.grace);
    return query
        select lease.holder, lease.calls_per_second, lease.demand, lease.permits, lease.expires_at <= moment
          from modgate.permit_lease as lease
         where lease.sdk_app_id = its_sdk_app_id and lease.api = its_api
         order by lease.holder;
end
$$;
