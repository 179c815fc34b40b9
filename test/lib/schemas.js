// Validates a file of FHIR R4 resources, one a line, with the packages that test/schemas installed.
const fs = require('fs');
const { Fhir } = require('fhir');
const SchemaValidator = require('@asymmetrik/fhir-json-schema-validator');

const schema = new SchemaValidator();
const profiles = new Fhir();

// A code of our own in an element whose binding is extensible is allowed, and still remarked.
function isOwnCode(message) {
    return message.severity === 'warning' && /^Code .*\(urn:x-hipaa-guard:command-tag\) not found in value set$/.test(message.message);
}

function complaints(resource) {
    const found = profiles.validate(resource, { errorOnUnexpected: true });
    return schema.validate(resource).concat(found.messages.filter((m) => m.severity !== 'info' && !isOwnCode(m)));
}

let passed = 0;
let failed = 0;
for (const line of fs.readFileSync(process.argv[2], 'utf8').split('\n').filter((text) => text !== '')) {
    const found = complaints(JSON.parse(line));
    if (found.length === 0) {
        passed++;
    } else {
        failed++;
        console.log(line);
        console.log(JSON.stringify(found, null, 4));
    }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(passed > 15 && failed === 0 ? 0 : 1);
