// Migrations by knex, called with the path of its README. First the example of that README, with the connection of PGHOST and
// PGDATABASE; then migrations forth, back, and forth again; then one with a value in a comment, which a flagged database refuses.
const fs = require('fs');
const knex = require('knex');

const config = { client: 'pg', connection: { host: process.env.PGHOST, database: process.env.PGDATABASE, user: 'postgres' } };

const migrations = {
    patients: {
        up: (db) => db.schema.createTable('patients', (table) => {
            table.increments('id');
            table.uuid('public_id').defaultTo(db.raw('gen_random_uuid()')).unique();
            table.string('ssn', 11).comment('Social Security number, digits and dashes');
            table.string('last_name').notNullable().index();
            table.date('date_of_birth');
            table.enu('status', ['active', 'deceased', 'moved away']).defaultTo('active');
            table.enu('sex', ['f', 'm', 'x'], { useNative: true, enumName: 'sex' });
            table.jsonb('contacts').defaultTo('{}');
            table.timestamps(true, true);
            table.comment('Who was treated here');
        }),
        down: (db) => db.schema.dropTable('patients').raw('DROP TYPE sex'),
    },
    visits: {
        up: (db) => db.schema.createTable('visits', (table) => {
            table.bigIncrements('id');
            table.integer('patient_id').references('id').inTable('patients').onDelete('CASCADE');
            table.decimal('charge', 10, 2).defaultTo(0).checkPositive();
            table.string('code').checkRegex('^[A-Z][0-9]+$');
            table.datetime('seen_at').defaultTo(db.fn.now());
            table.unique(['patient_id', 'seen_at']);
        }).createView('recent_visits', (view) => {
            view.columns(['id', 'patient_id']);
            view.as(db('visits').select('id', 'patient_id').where('seen_at', '>', '2020-01-01'));
        }),
        down: (db) => db.schema.dropView('recent_visits').dropTable('visits'),
    },
    changes: {
        up: (db) => db.schema.alterTable('patients', (table) => {
            table.string('middle_name');
            table.renameColumn('last_name', 'family_name');
            table.text('ssn').alter();
            table.dropColumn('contacts');
        }).renameTable('visits', 'encounters'),
        down: (db) => db.schema.renameTable('encounters', 'visits').alterTable('patients', (table) => {
            table.jsonb('contacts').defaultTo('{}');
            table.string('ssn', 11).alter();
            table.renameColumn('family_name', 'last_name');
            table.dropColumn('middle_name');
        }),
    },
};

const bad = {
    up: (db) => db.schema.createTable('notes', (table) => { table.text('note').comment('as with 219-09-9999'); }),
    down: (db) => db.schema.dropTable('notes'),
};

function source(list) {
    return { getMigrations: async () => Object.keys(list), getMigrationName: (name) => name, getMigration: async (name) => list[name] };
}

async function readme(file) {
    const example = /```js\n(const knex = require[^]*?)```/.exec(fs.readFileSync(file, 'utf8'))[1];
    const AsyncFunction = (async () => {}).constructor;
    let failure;
    let instance;
    const ours = () => () => { instance = knex(config); return instance; };
    await new AsyncFunction('require', 'console', example)(ours, { error: (e) => { failure = e; } });
    await instance.destroy();
    if (failure) throw failure;
}

async function main() {
    await readme(process.argv[2]);
    const db = knex(config);
    const all = { migrationSource: source(migrations) };
    await db.migrate.latest(all);
    await db.migrate.rollback(all, true);
    for (let i = 0; i < 3; i++) await db.migrate.up(all);
    const inserted = await db('patients').insert({ ssn: '219-09-9999', family_name: 'Smith', status: 'active' }).returning('id');
    await db('encounters').insert({ patient_id: inserted[0].id, code: 'J45', charge: 3 });
    const withValue = { migrationSource: source({ ...migrations, withValue: bad }) };
    let refusal = '';
    try {
        await db.migrate.latest(withValue);
        await db.migrate.rollback(withValue);
    } catch (error) {
        // Before the server's message knex puts the statement, which is its own.
        refusal = `${error.code} ${error.message.replace(/^.* - /, '')}`;
    }
    console.log(`refusal: ${refusal}`);
    await db.destroy();
}

main().catch((error) => { console.log(error); process.exit(1); });
