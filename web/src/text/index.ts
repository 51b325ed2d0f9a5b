/** Everything that a person reads, in one catalogue; one file for each area. English; a second language replaces these objects. */
export * as text from "./catalogue"; // a namespace and no object: a screen is fetched with the areas that it names, not with all
