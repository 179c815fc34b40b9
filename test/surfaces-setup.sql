-- What the statements of test/surfaces.tsv need, created before the database is flagged.
create table tbase(id int, a text, rn int, constraint ckbase check (id > -5), constraint ckren check (id > -6));
create table tp(a text) partition by list(a);
create table tpr(a text) partition by range(a);
create table tp_att(a text);
create type ebase as enum ('r1','r2');
create type ctbase as (x text);
create domain dbase as text;
create function fbase() returns int language sql as 'select 1';
create function ddlfn(x text) returns void language plpgsql as $$begin
    execute 'create table if not exists '||quote_ident(x||'_ddlfn')||'(a int)'; end$$;
create function trf() returns trigger language plpgsql as $$begin return new; end$$;
create function etf() returns event_trigger language plpgsql as $$begin end$$;
create policy pbase on tbase using (true);
create foreign data wrapper fdwbase;
create server srvbase foreign data wrapper fdwbase;
create extension postgres_fdw;
create extension dblink;
create schema impsch;
create server loop foreign data wrapper postgres_fdw
    options (dbname 'surf', host '{socket}', port '{port}');
create user mapping for postgres server loop options (user 'postgres');
create role r1;
create role rren;
create database dbren;
create table tdata(a text);
insert into tdata values ('x');
create table tmcv(a text);
create table tren(a int);
create table tsysdml(a int);
create text search configuration tscbase (copy=simple);
select lo_create(424242);
create sequence sqbase;
create subscription subbase connection 'host=x' publication p with (connect=false);
