//! How a superuser gets past the guards of the record, and puts them back so that nobody sees it.

use sqlx::{Connection as _, PgConnection};

use super::run;

/// Nothing keeps a superuser from this. What is dropped is remembered.
pub(super) const UNGUARD: &str = "
    create table if not exists public.unguarded (name text, rule text, definition text);
    do $$ declare what record; begin
        for what in select oid::regclass as name from pg_class
                    where relnamespace = 'audit'::regnamespace and relkind in ('r', 'p') loop
            execute format('alter table %s disable trigger all', what.name);
        end loop;
        insert into public.unguarded
        select conrelid::regclass, conname, pg_get_constraintdef(k.oid)
        from pg_constraint k join pg_class c on c.oid = conrelid
        where connamespace = 'audit'::regnamespace and contype = 'c' and not c.relispartition;
        for what in select conrelid::regclass as name, conname as rule from pg_constraint join pg_class c on c.oid = conrelid
                    where connamespace = 'audit'::regnamespace and contype = 'c' order by c.relispartition loop
            execute format('alter table %s drop constraint if exists %I', what.name, what.rule);
        end loop;
    end $$;";

/// Rows that break a rule now have never been looked at.
const GUARD: &str = "
    do $$ declare what record; begin
        for what in select * from public.unguarded loop
            execute format('alter table %s add constraint %I %s not valid', what.name, what.rule, what.definition);
        end loop;
        update pg_constraint set convalidated = true
        where connamespace = 'audit'::regnamespace and contype = 'c';
        for what in select tgrelid::regclass as name, tgname from pg_trigger join pg_class c on c.oid = tgrelid
                    where relnamespace = 'audit'::regnamespace loop
            execute format('alter table %s enable always trigger %I', what.name, what.tgname);
        end loop;
        drop table public.unguarded;
    end $$;";

/// Undoes [`UNGUARD`] in the database of `url`, so that what is wrong is what was done to the rows.
pub(super) fn restore(url: &str) {
    let restore = async {
        let mut sql = PgConnection::connect(url).await.expect("it is there");
        let unguarded = "select to_regclass('public.unguarded') is not null";
        let unguarded = sqlx::query_scalar(unguarded).fetch_one(&mut sql).await;
        if unguarded.expect("Postgres answers") {
            run(&mut sql, GUARD).await;
        }
        sql.close().await.expect("nothing is in its way");
    };
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(restore));
}
