/** True in `vite build`, false in the development server. */
declare const __IS_BUILT__: boolean;
