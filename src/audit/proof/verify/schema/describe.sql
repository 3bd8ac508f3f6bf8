-- What schema audit is made of, line by line, for `modgate verify` and for .ci/schema-prepare.
--
-- object      what it is, by its own name
-- like_object what it must be like: itself, or for a month the table that it is a part of
-- part        a column, a constraint ...; empty for the object as a whole
-- words       what holds of it, separated by semicolons, sorted
-- definition  null if it went away in the meantime
-- month       of a partition, or of what looks like one
-- attached    whether the month is read through its parent
--
-- Names that differ from month to month are left out: an index or a key of a partition goes by the
-- name of the one of the parent that it belongs to.
with recursive here as (
    select oid from pg_namespace where nspname = 'audit'
), relations as (
    -- What inherits from ours is read with it, wherever it is.
    select c.oid from pg_class c join here on c.relnamespace = here.oid where c.relkind not in ('i', 'I', 't')
    union
    select i.inhrelid from pg_inherits i join relations on i.inhparent = relations.oid
), placed as (
    select c.oid, c.relname, c.relkind, n.nspname, p.relname as parent, i.inhdetachpending,
           coalesce(p.relname in ('action', 'event', 'batch', 'batch_item', 'batch_event') and p.relnamespace = here.oid, false) as is_attached,
           case when n.nspname = 'audit'
                then regexp_match(c.relname, '^(action|event|batch|batch_item|batch_event)_(\d{4}(?:0[1-9]|1[0-2]))$') end as named
    from relations
    join pg_class c using (oid)
    join pg_namespace n on n.oid = c.relnamespace
    left join here on true
    left join pg_inherits i on i.inhrelid = c.oid
    left join pg_class p on p.oid = i.inhparent
), tables as (
    select placed.oid, relname, nspname, relkind,
           is_attached or named is not null as is_month,
           is_attached and not inhdetachpending as attached,
           to_date(named[2], 'YYYYMM') as month,
           case when is_attached then parent else named[1] end as whole,
           case when is_attached then coalesce(named[1] = parent, false) else named is not null end as is_named,
           parent,
           case relkind when 'v' then 'view ' when 'm' then 'materialized view ' when 'S' then 'sequence '
                        when 'c' then 'type ' else 'table ' end
               || quote_ident(nspname) || '.' || quote_ident(relname) as object
    from placed
), named_tables as (
    select *, case when is_month then 'table audit.' || whole else object end as like_object from tables
), bounds as (
    select t.oid, 'FOR VALUES FROM (' || quote_literal(first.id) || ') TO (' || quote_literal(next.id) || ')' as expected
    from named_tables t
    cross join lateral (select (lpad(to_hex((extract(epoch from t.month::timestamp) * 1000)::bigint), 12, '0')
                                || repeat('0', 20))::uuid::text as id) first
    cross join lateral (select (lpad(to_hex((extract(epoch from t.month + interval '1 month') * 1000)::bigint), 12, '0')
                                || repeat('0', 20))::uuid::text as id) next
    where t.is_month and t.month is not null
), lines as (
    -- The object as a whole. What the relation says of itself decides whether Postgres looks for more.
    select t.oid, case when t.is_month then t.like_object || ' by month' else t.like_object end as like_object,
           '' as part,
           array[
               case c.relkind when 'r' then 'plain' when 'p' then 'partitioned' when 'f' then 'foreign'
                              when 'v' then 'a view' else 'of kind ' || c.relkind::text end,
               case c.relpersistence when 'p' then 'permanent' when 'u' then 'unlogged' else 'temporary' end,
               (select 'kept as ' || amname from pg_am where pg_am.oid = c.relam),
               case when c.relrowsecurity then 'under row security' end,
               case when c.relforcerowsecurity then 'under forced row security' end,
               case when c.relhastriggers then 'looking for its triggers' end,
               case when c.relhasindex then 'looking for its indexes' end,
               case when c.relhasrules then 'looking for its rules' end,
               case when c.relchecks = (select count(*) from pg_constraint k where k.conrelid = t.oid and contype = 'c')
                    then 'looking for all of its constraints' end,
               case when t.attached then 'attached' end,
               case when t.is_named then 'named as a month' end,
               case when pg_get_expr(c.relpartbound, c.oid) = bounds.expected then 'bounded by its month' end
           ] || case when c.relkind in ('v', 'm') then c.reloptions end as words,
           case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid)
                when c.relkind = 'p' then pg_get_partkeydef(c.oid) else '' end as definition
    from named_tables t join pg_class c on c.oid = t.oid left join bounds on bounds.oid = t.oid
    union all
    select t.oid, t.like_object, 'column ' || quote_ident(a.attname),
           array[case when a.attnotnull then 'required' end,
                 case a.attgenerated when '' then null else 'generated' end,
                 case a.attidentity when '' then null else 'an identity' end],
           format_type(a.atttypid, a.atttypmod)
           || coalesce(' collate ' || (select quote_ident(n.nspname) || '.' || quote_ident(l.collname)
                                       from pg_collation l join pg_namespace n on n.oid = l.collnamespace
                                       where l.oid = a.attcollation and l.collname <> 'default'), '')
           || case when a.atthasdef then ' default ' || pg_get_expr(d.adbin, d.adrelid) else '' end
    from named_tables t
    join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    union all
    -- Since Postgres 18 `not null` is among them; that is said of the column.
    select t.oid, t.like_object, 'constraint ' || quote_ident(coalesce(whole.conname, k.conname)),
           array[case when k.convalidated then 'validated' end,
                 case when k.condeferrable then 'deferrable' end,
                 case when k.connoinherit and k.contype = 'c' then 'not inherited' end],
           regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', '')
    from named_tables t
    join pg_constraint k on k.conrelid = t.oid and k.contype <> 'n'
    left join pg_constraint whole on whole.oid = k.conparentid
    union all
    select t.oid, t.like_object, 'index ' || quote_ident(coalesce(whole.relname, c.relname)),
           array[case when i.indisvalid then 'valid' end, case when i.indisready then 'ready' end,
                 case when i.indislive then 'live' end, case when i.indisunique then 'unique' end,
                 case when i.indisprimary then 'primary' end, case when i.indimmediate then 'immediate' end,
                 case when i.indisexclusion then 'an exclusion' end,
                 case when i.indnullsnotdistinct then 'nulls not distinct' end,
                 case c.relpersistence when 'p' then null else 'unlogged' end],
           m.amname || ' (' || (
               select string_agg(concat_ws(' ', pg_get_indexdef(i.indexrelid, at::integer, false),
                                           quote_ident(n.nspname) || '.' || quote_ident(o.opcname),
                                           'option ' || nullif(i.indoption[at - 1], 0),
                                           'collate ' || (select l.collname from pg_collation l
                                                          where l.oid = i.indcollation[at - 1]
                                                            and l.collname <> 'default')), ', ' order by at)
               from generate_series(1, i.indnatts) at
               left join pg_opclass o on o.oid = i.indclass[at - 1]
               left join pg_namespace n on n.oid = o.opcnamespace)
           || ')' || coalesce(' where ' || pg_get_expr(i.indpred, i.indrelid), '')
    from named_tables t
    join pg_index i on i.indrelid = t.oid
    join pg_class c on c.oid = i.indexrelid
    join pg_am m on m.oid = c.relam
    left join pg_inherits h on h.inhrelid = i.indexrelid
    left join pg_class whole on whole.oid = h.inhparent
    union all
    select t.oid, t.like_object, 'trigger ' || quote_ident(g.tgname),
           array[case g.tgenabled when 'A' then 'always on' when 'D' then 'disabled'
                                  when 'O' then 'off in replica mode' else 'on in replica mode alone' end],
           concat_ws(' ', 'type', g.tgtype, 'calls', g.tgfoid::regprocedure, 'of', nullif(g.tgattr::text, ''),
                     'when', g.tgqual, 'with', nullif(encode(g.tgargs, 'hex'), ''),
                     'from', nullif(g.tgconstraint, 0), 'old', g.tgoldtable, 'new', g.tgnewtable)
    from named_tables t join pg_trigger g on g.tgrelid = t.oid
    union all
    select t.oid, t.like_object, 'rule ' || quote_ident(r.rulename),
           array['for ' || r.ev_type::text, case when r.is_instead then 'instead' end,
                 case r.ev_enabled when 'D' then 'disabled' end],
           case when r.rulename = '_RETURN' then '' else pg_get_ruledef(r.oid) end
    from named_tables t join pg_rewrite r on r.ev_class = t.oid
    union all
    select t.oid, t.like_object, 'policy ' || quote_ident(p.polname), array[]::text[], ''
    from named_tables t join pg_policy p on p.polrelid = t.oid
    union all
    -- Its rows are read with those of the parent.
    select t.oid, t.like_object, 'parent ' || quote_ident(n.nspname) || '.' || quote_ident(p.relname),
           array[]::text[], ''
    from named_tables t
    join pg_inherits i on i.inhrelid = t.oid
    join pg_class p on p.oid = i.inhparent
    join pg_namespace n on n.oid = p.relnamespace
    where not (n.nspname = 'audit' and p.relname in ('action', 'event', 'batch', 'batch_item', 'batch_event') and t.is_month)
)
select t.object, l.like_object, l.part,
       array_to_string(array(select word from unnest(l.words) as word where word is not null order by word collate "C"),
                       '; ') as words,
       l.definition, to_char(t.month, 'YYYY-MM') as month, t.attached
from lines l join named_tables t using (oid)
union all
select of.name, of.name, '',
       array_to_string(array(select word from unnest(array[
           case p.prokind when 'f' then 'a function' when 'p' then 'a procedure' else 'of kind ' || p.prokind::text end,
           'in ' || g.lanname,
           case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
           case when p.proisstrict then 'strict' end,
           case when p.prosecdef then 'security definer' end,
           case when p.proleakproof then 'leakproof' end,
           case when p.prosupport <> 0 then 'with planner support' end,
           'set ' || nullif(array_to_string(p.proconfig, ' set '), '')]) as word
           where word is not null order by word collate "C"), '; '),
       pg_get_function_arguments(p.oid) || ' returns ' || coalesce(pg_get_function_result(p.oid), 'nothing')
       || ' ' || coalesce(pg_get_function_sqlbody(p.oid), concat_ws(' ', p.prosrc, p.probin)),
       null, false
from pg_proc p
join here on p.pronamespace = here.oid
join pg_language g on g.oid = p.prolang
cross join lateral (select 'function ' || p.oid::regprocedure as name) of
union all
-- Types, operators and whatever else a name in this schema could mean.
select found.type || ' ' || found.identity, found.type || ' ' || found.identity, '', '', '', null, false
from pg_depend d
join here on d.refobjid = here.oid
cross join lateral pg_identify_object(d.classid, d.objid, 0) found
where d.refclassid = 'pg_namespace'::regclass
  and d.classid in ('pg_type'::regclass, 'pg_operator'::regclass, 'pg_opclass'::regclass, 'pg_opfamily'::regclass,
                    'pg_collation'::regclass, 'pg_conversion'::regclass, 'pg_statistic_ext'::regclass)
order by 1, 3
