-- The triggers that make the record append-only and keep its seals in order, as the migrations make
-- them, where they are not so now: table, trigger, and what is wrong.
with guarded as (
    select oid, relname from pg_class
    where relnamespace = to_regnamespace('audit') and relkind in ('r', 'p')
      and (relname in ('action', 'event', 'seal', 'prune', 'decision', 'batch', 'batch_item', 'batch_event', 'brake')
           or relname ~ '^(action|event|batch|batch_item|batch_event)_[0-9]{6}$')
), expected as (
    -- `tgtype`: before update, delete or truncate, for each statement.
    select oid, 'append_only' as name, 'audit.refuse_change()' as function, 58 as type from guarded
    union all
    -- Before insert, for each row.
    select oid, 'in_order', 'audit.refuse_gap()', 7 from guarded where relname = 'seal'
), compared as (
    select expected.oid, name,
           case
               when g.oid is null then 'missing'
               when (tgfoid, tgtype, tgattr::text, tgqual is null)
                    is distinct from (to_regprocedure(function)::oid, type::smallint, '', true)
                   then 'another one'
               when tgenabled = 'D' then 'disabled'
               when tgenabled = 'O' then 'off in replica mode'
               when tgenabled = 'R' then 'on in replica mode alone'
           end as fault
    from expected left join pg_trigger g on tgrelid = expected.oid and tgname = name
)
select oid::regclass::text as "table", name as trigger, fault
from compared where fault is not null order by 1, 2
